/*
 * tcp_client ADDRESS PORT [COUNT] - the client of every book about sockets: connects, writes one
 * character, reads the answer, closes; COUNT times, one after the other.
 *
 * Prints a line for each: its own end of the connection, the character and the answer, such as
 * "127.0.0.1:40002 A B".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void talk(const struct sockaddr_in *server, char character)
{
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	char host[INET_ADDRSTRLEN], answer;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0)
		die("connect");
	if (getsockname(fd, (struct sockaddr *)&own, &length) < 0)
		die("getsockname");
	if (write(fd, &character, 1) != 1)
		die("write");
	if (read(fd, &answer, 1) != 1)
		die("read");
	close(fd);
	inet_ntop(AF_INET, &own.sin_addr, host, sizeof(host));
	printf("%s:%u %c %c\n", host, ntohs(own.sin_port), character, answer);
	fflush(stdout);
}

int main(int argc, char *argv[])
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	int count = argc > 3 ? atoi(argv[3]) : 1;

	if (argc < 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
		fputs("usage: tcp_client ADDRESS PORT [COUNT]\n", stderr);
		return 2;
	}
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	for (int i = 0; i < count; i++)
		talk(&server, (char)('A' + i % 25));
	return 0;
}
