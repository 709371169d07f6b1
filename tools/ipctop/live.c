/*
 * live.c - waits for keys, signals and samples, and draws.
 */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "reader.h"
#include "screen.h"

enum { CLOCK_MS = 1000 }; /* the clock on the screen goes on */

/* The signals that end it or are about the terminal come by a descriptor, not in between. */
static int signals_open(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, before) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns the signal that ends it, 0 if none has come. */
static int signals_take(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			return (int)info.ssi_signo;
		screen_resize();
	}
	return 0;
}

static int keys_take(struct ui *ui)
{
	int error = 0, key;

	while (!error && !ui->quit && (key = screen_key()) != UI_NOTHING)
		error = ui_key(ui, key);
	return error;
}

/* What keys have asked for that is the reader's to do. */
static int wishes(struct ui *ui, struct reader *reader)
{
	int error = 0;

	if (ui->look_now)
		reader_look_now(reader);
	if (ui->delay_changed)
		reader_set_delay(reader, ui->delay);
	if (ui->paused_changed)
		reader_set_paused(reader, ui->paused);
	if (ui->watch_changed)
		error = reader_watch(reader, ui_looked(ui));
	ui->look_now = ui->delay_changed = ui->paused_changed = ui->watch_changed = false;
	return error;
}

/* Returns 1 if there was a sample. */
static int news(struct ui *ui, struct reader *reader)
{
	struct sample *sample = reader_take(reader);
	char *key;
	struct page *page = reader_take_page(reader, &key);
	int error = 0;

	if (sample)
		error = ui_take(ui, sample);
	if (page && !error)
		error = ui_take_files(ui, page, key);
	if (page)
		page_free(page);
	free(page);
	free(key);
	return error ? error : sample != NULL;
}

/* Until somebody ends it: 0, the signal, or a negative errno. */
static int live(struct ui *ui, struct reader *reader, int signals, unsigned long count)
{
	struct pollfd fds[] = {
		{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}, {reader_fd(reader), POLLIN, 0}};
	unsigned long looks = 0;

	for (;;) {
		int result = 0;

		screen_draw(ui, reader_waits(reader));
		/* Nothing has come.  It fails of a signal alone, which no errno tells: what ncurses
		   does when it is stopped and goes on leaves another. */
		if (poll(fds, 3, CLOCK_MS) < 0)
			fds[0].revents = fds[1].revents = fds[2].revents = 0;
		if (fds[1].revents) {
			result = signals_take(signals);
			if (result)
				return result;
		}
		/* The terminal has gone. */
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return SIGHUP;
		if (fds[2].revents)
			result = news(ui, reader);
		if (result > 0 && ++looks == count)
			return 0;
		if (result >= 0)
			result = keys_take(ui);
		if (result >= 0)
			result = wishes(ui, reader);
		if (result < 0 || ui->quit)
			return result;
	}
}

int live_run(const char *root, const struct options *options)
{
	struct ui ui;
	struct reader *reader;
	sigset_t before;
	int signals = signals_open(&before), result;

	if (signals < 0)
		return signals;
	ui_init(&ui, root, options->delay);
	ui.view = options->view;
	reader = reader_start(root, options->delay);
	result = reader ? screen_open() : -errno;
	if (result == 0) {
		result = live(&ui, reader, signals, options->count);
		screen_close();
	}
	if (reader)
		reader_stop(reader);
	ui_free(&ui);
	close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (result < 0)
		return result;
	/* Ctrl-C is a way to leave; who sends a signal is told that it has ended this. */
	if (result > 0 && result != SIGINT) {
		signal(result, SIG_DFL);
		raise(result);
	}
	return EXIT_SUCCESS;
}
