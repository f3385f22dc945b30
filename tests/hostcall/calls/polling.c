/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Polling, events, timers, sockets, terminals, messages. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "say.h"

static void events(void)
{
    int efd = eventfd(3, EFD_NONBLOCK), epoll = epoll_create1(EPOLL_CLOEXEC), fds[2];
    uint64_t value = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, got[4];
    SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, efd, &event));
    SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, efd, &event));
    SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, 99, &event));
    SAY(epoll_wait(epoll, got, 4, 0));
    printf("%x %llx\n", got[0].events, (unsigned long long)got[0].data.u64);
    SAY(read(efd, &value, 8));
    printf("%d\n", (int)value);
    SAY(read(efd, &value, 8));
    SAY(epoll_wait(epoll, got, 4, 1));
    SAY(epoll_wait(epoll, got, 0, 1));
    SAY(epoll_wait(epoll, (void *)16, 4, 1));
    SAY(pipe(fds));
    event.data.u32 = 7;
    event.events = EPOLLIN | EPOLLET;
    SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
    value = 1;
    SAY(write(efd, &value, 8));
    SAY(write(fds[1], "a", 1));
    SAY(epoll_wait(epoll, got, 4, 100));
    SAY(epoll_wait(epoll, got, 4, 0));
    struct pollfd polls[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}, {-1, POLLIN, 5}};
    SAY(poll(polls, 3, 0));
    printf("%d %d %d\n", polls[0].revents, polls[1].revents, polls[2].revents);
    SAY(close(fds[1]));
    SAY(read(fds[0], &value, 8));
    SAY(poll(polls, 1, 0));
    printf("%d\n", polls[0].revents);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(efd, &set);
    SAY(select(efd + 1, &set, NULL, NULL, &(struct timeval){1, 0}));
    SAY(FD_ISSET(efd, &set) != 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    SAY(timerfd_settime(timer, 0, &(struct itimerspec){{0, 5000000}, {0, 5000000}}, NULL));
    SAY(read(timer, &value, 8));
    SAY(value >= 1);
    struct itimerspec left;
    SAY(timerfd_gettime(timer, &left));
    printf("%ld\n", left.it_interval.tv_nsec);
    int watch = inotify_init1(IN_NONBLOCK);
    SAY(inotify_add_watch(watch, ".", IN_CREATE));
    close(open("created", O_CREAT | O_WRONLY, 0600));
    char buffer[256];
    struct inotify_event *seen = (struct inotify_event *)buffer;
    SAY(read(watch, buffer, sizeof buffer) > 0);
    printf("%x %s\n", seen->mask, seen->name);
}

static void sockets(void)
{
    int pair[2], status = 1;
    char text[64] = "";
    SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    SAY(send(pair[0], "ping", 4, 0));
    SAY(recv(pair[1], text, sizeof text, 0));
    puts(text);
    SAY(recv(pair[1], text, sizeof text, MSG_DONTWAIT));
    struct iovec part = {"with fd", 7};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &pair[0], sizeof(int));
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    SAY(sendmsg(pair[0], &message, 0));
    part = (struct iovec){text, sizeof text};
    SAY(recvmsg(pair[1], &message, 0));
    printf("control %d\n", message.msg_controllen >= CMSG_LEN(sizeof(int)));
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    SAY(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &status, sizeof status));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    SAY(bind(server, (struct sockaddr *)&address, sizeof address));
    SAY(getsockname(server, (struct sockaddr *)&address, &length));
    SAY(address.sin_port != 0);
    SAY(listen(server, 5));
    SAY(connect(client, (struct sockaddr *)&address, sizeof address));
    int accepted = accept4(server, NULL, NULL, SOCK_NONBLOCK);
    SAY(accepted >= 0);
    SAY(read(accepted, text, 1));
    SAY(sendto(client, "tcp", 4, 0, NULL, 0));
    usleep(10000);
    SAY(recvfrom(accepted, text, sizeof text, 0, NULL, NULL));
    puts(text);
    SAY(shutdown(client, SHUT_WR));
    usleep(10000);
    SAY(read(accepted, text, sizeof text));
    int type = 0;
    length = sizeof type;
    SAY(getsockopt(client, SOL_SOCKET, SO_TYPE, &type, &length));
    printf("%d\n", type);
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int u = socket(AF_UNIX, SOCK_DGRAM, 0), v = socket(AF_UNIX, SOCK_DGRAM, 0);
    SAY(bind(u, (struct sockaddr *)&local, sizeof local));
    SAY(bind(v, (struct sockaddr *)&local, sizeof local));
    SAY(connect(v, (struct sockaddr *)&local, sizeof local));
    SAY(write(v, "datagram", 9));
    SAY(read(u, text, sizeof text));
    puts(text);
    SAY(connect(v, (struct sockaddr *)8, 20));
    SAY(socket(99, SOCK_STREAM, 0));
}

static void terminals(void)
{
    int master, slave;
    struct winsize size = {24, 80, 0, 0}, got = {0};
    struct termios state;
    char text[64] = "";
    SAY(openpty(&master, &slave, NULL, NULL, &size));
    SAY(isatty(slave));
    SAY(isatty(0 * slave + open("/dev/null", O_RDONLY)));
    SAY(ioctl(slave, TIOCGWINSZ, &got));
    printf("%d %d\n", got.ws_row, got.ws_col);
    SAY(tcgetattr(slave, &state));
    printf("%d %d %d\n", (state.c_lflag & ICANON) != 0, (state.c_lflag & ECHO) != 0, state.c_cc[VINTR]);
    cfmakeraw(&state);
    cfsetspeed(&state, B115200);
    SAY(tcsetattr(slave, TCSANOW, &state));
    SAY(write(master, "x\ny", 3));
    SAY(read(slave, text, 3));
    SAY(write(slave, "z\n", 2));
    SAY(read(master, text, 10));
    int waiting = -1;
    SAY(write(master, "abc", 3));
    usleep(5000);
    SAY(ioctl(slave, FIONREAD, &waiting));
    printf("%d\n", waiting);
    SAY(tcgetattr(slave, &state));
    SAY(cfgetospeed(&state) == B115200);
    SAY(ioctl(slave, 0x12345678, 0));
}

static void messages(void)
{
    struct {
        long type;
        char text[16];
    } message = {3, "a message"}, got;
    int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    SAY(msgsnd(queue, &message, 10, 0));
    SAY(msgrcv(queue, &got, 16, 3, 0));
    puts(got.text);
    SAY(msgrcv(queue, &got, 16, 3, IPC_NOWAIT));
    struct msqid_ds about;
    SAY(msgctl(queue, IPC_STAT, &about));
    printf("%ld\n", (long)about.msg_qnum);
    SAY(msgctl(queue, IPC_RMID, NULL));
    int sems = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    struct sembuf up = {1, 2, 0}, down = {1, -1, 0}, more = {1, -5, IPC_NOWAIT};
    SAY(semop(sems, &up, 1));
    SAY(semop(sems, &down, 1));
    SAY(semop(sems, &more, 1));
    SAY(semctl(sems, 1, GETVAL));
    SAY(semctl(sems, 2, SETVAL, 9));
    unsigned short all[3];
    SAY(semctl(sems, 0, GETALL, all));
    printf("%d %d %d\n", all[0], all[1], all[2]);
    struct semid_ds sem_about;
    SAY(semctl(sems, 0, IPC_STAT, &sem_about));
    printf("%ld %o\n", (long)sem_about.sem_nsems, sem_about.sem_perm.mode);
    SAY(sem_about.sem_otime > 1000);
    SAY(semctl(sems, 0, IPC_RMID));
}

static void times(void)
{
    struct timespec now, later, resolution;
    SAY(clock_gettime(CLOCK_MONOTONIC, &now));
    SAY(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 2000000}, NULL));
    SAY(clock_gettime(CLOCK_MONOTONIC, &later));
    SAY((later.tv_sec - now.tv_sec) * 1000000000 + later.tv_nsec - now.tv_nsec >= 2000000);
    SAY(clock_getres(CLOCK_REALTIME, &resolution));
    SAY(clock_gettime(99, &now));
    SAY(nanosleep(&(struct timespec){0, 2000000000}, NULL));
    SAY(time(NULL) > 1000000000);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    events();
    sockets();
    terminals();
    messages();
    times();
    return 0;
}
