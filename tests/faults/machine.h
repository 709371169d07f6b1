/*
 * machine.h - the IPC objects there are, told by the kernel: to see that an operation has changed
 * nothing.
 */
#ifndef IPCFS_FAULTS_MACHINE_H
#define IPCFS_FAULTS_MACHINE_H

/* Once, in namespaces of the program's own. */
void machine_setup(void);
/*
 * Names, owners, modes, sizes and values of all objects, without what differs each time: ids and
 * times.  To be freed.
 */
char *machine_state(void);
/* How many descriptors this process has. */
unsigned machine_descriptors(void);

#endif
