/*
 * semop - the least that a program for a shell can be: one semop, linked statically.
 *
 * usage: semop ID DELTA
 */
#include <stdlib.h>
#include <sys/sem.h>

int main(int argc, char *argv[])
{
	struct sembuf operation = {0, argc == 3 ? (short)atoi(argv[2]) : 0, 0};

	return argc != 3 || semop(atoi(argv[1]), &operation, 1) != 0;
}
