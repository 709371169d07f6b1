/*
 * load.h - a mixed load: workers that are programs and shells, and whom it kills.
 */
#ifndef IPCFS_TEST_LOAD_H
#define IPCFS_TEST_LOAD_H

#include <stdbool.h>

/* A program's main: @test alone on a mount in namespaces of its own, watched by the watchdog. */
int load_run(const char *name, void (*test)(void **state));

struct load_setting {
	unsigned seed;
	unsigned shells; /* how many workers are shells */
	bool mount_dies; /* the mount will end and come again while they work */
	bool beside;     /* stress-ng on objects of its own, and somebody who lists and reads all */
	unsigned seconds; /* at least how long it is meant to go on, for stress-ng */
};

/* Starts all; the objects are there. */
void load_start(const struct load_setting *setting);
/*
 * For @milliseconds: kills a client here and there, by -9 or INT, about every @every milliseconds
 * (0: nobody), interrupts programs all the time, and starts another for each that ended.
 */
void load_go_on(unsigned milliseconds, unsigned every);
/* Nobody does anything, until load_resume: shells are ended, programs rest. */
void load_pause(void);
void load_resume(void);
/* Ends all. */
void load_end(void);
/* What has been done and ended, in a line. */
void load_print(void);
/* After the queues have been drained: every message is accounted for, and there was no fault. */
void load_check_books(void);

#endif
