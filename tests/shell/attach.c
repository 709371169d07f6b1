/*
 * attach ID... - attaches these System V segments, says "attached", and detaches them when its
 * standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (shmat(atoi(argv[i]), NULL, 0) == (void *)-1) {
			perror(argv[i]);
			return 1;
		}
	puts("attached");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
