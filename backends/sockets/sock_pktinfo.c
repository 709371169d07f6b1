/*
 * sock_pktinfo.c - to which of the machine's addresses a datagram has come, for an answer from it.
 */
#include "sock_pktinfo.h"

#include <string.h>

int sock_pktinfo_enable(int fd, const struct sock_addr *address)
{
	if (address->any.sa_family == AF_INET && address->in.sin_addr.s_addr == INADDR_ANY)
		return sock_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr))
		return sock_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return 0;
}

/* The interface is for the route to say, unless the address means nothing without one. */
static void read_ipv6(struct sock_pktinfo *info)
{
	if (IN6_IS_ADDR_MULTICAST(&info->in6.ipi6_addr))
		info->family = 0;
	else if (!IN6_IS_ADDR_LINKLOCAL(&info->in6.ipi6_addr))
		info->in6.ipi6_ifindex = 0;
}

void sock_pktinfo_read(struct msghdr *message, struct sock_pktinfo *info)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);

	memset(info, 0, sizeof(*info));
	if (!control)
		return;
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
		info->family = AF_INET;
		memcpy(&info->in, CMSG_DATA(control), sizeof(info->in));
		/* ipi_spec_dst is sent from: of a broadcast, one's own address in that network. */
		info->in.ipi_ifindex = 0;
	} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
		info->family = AF_INET6;
		memcpy(&info->in6, CMSG_DATA(control), sizeof(info->in6));
		read_ipv6(info);
	}
}

void sock_pktinfo_write(struct msghdr *message, const struct sock_pktinfo *info)
{
	bool is6 = info->family == AF_INET6;
	size_t size = is6 ? sizeof(info->in6) : sizeof(info->in);
	struct cmsghdr *control = message->msg_control;

	memset(control, 0, CMSG_SPACE(size));
	control->cmsg_len = CMSG_LEN(size);
	control->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
	control->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
	memcpy(CMSG_DATA(control), is6 ? (const void *)&info->in6 : &info->in, size);
	message->msg_controllen = CMSG_SPACE(size);
}
