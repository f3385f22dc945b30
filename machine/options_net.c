/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The networks of the machine. A group of the table of options. */
#include <arpa/inet.h>
#include <string.h>
#include "machine/options_values.h"

/* tcp|udp:[ADDRESS:]HOSTPORT:GUESTPORT, `text` being a copy that may be cut up. */
static bool parse_forward(char *text, struct forward_option *forward)
{
    char *part[4];
    unsigned count = 0;
    char *rest = text;
    while (rest && count < 4)
        part[count++] = strsep(&rest, ":");
    if (count < 3 || rest)
        return false;

    struct in_addr address = {htonl(INADDR_LOOPBACK)};
    uint64_t host_port, guest_port;
    int protocol = option_find_word("tcp udp", part[0]);
    if (protocol < 0 || (count == 4 && inet_pton(AF_INET, part[1], &address) != 1) ||
        !option_whole_number(part[count - 2], UINT16_MAX, &host_port) || host_port == 0 ||
        !option_whole_number(part[count - 1], UINT16_MAX, &guest_port) || guest_port == 0)
        return false;
    *forward = (struct forward_option){protocol == 1, ntohl(address.s_addr), (uint16_t)host_port,
                                       (uint16_t)guest_port};
    return true;
}

static bool take_net(struct run_options *options, const char *value, struct error *error)
{
    static const char hostfwd[] = "hostfwd=";
    if (options->net_count == MAX_NETS)
        return error_set(error, "--net can be given %u times at most", MAX_NETS);
    struct net_option *net = &options->nets[options->net_count];
    *net = (struct net_option){0};

    char copy[1024];
    bool good = strlen(value) < sizeof copy;
    char *rest = good ? strcpy(copy, value) : NULL;
    good = good && !strcmp(strsep(&rest, ","), "user");
    while (good && rest) {
        char *part = strsep(&rest, ",");
        good = !strncmp(part, hostfwd, strlen(hostfwd)) && net->forward_count < MAX_FORWARDS &&
               parse_forward(part + strlen(hostfwd), &net->forwards[net->forward_count++]);
    }
    if (!good)
        return error_set(error,
                         "--net expects user, or user,hostfwd=tcp:HOSTPORT:GUESTPORT (also udp:, also with "
                         "the host's address before its port), not '%s'",
                         value);
    options->net_count++;
    return true;
}

const struct cli_option options_net[] = {
    {"--net", "user[,hostfwd=...]", "user user,hostfwd=tcp:", true,
     "A network card behind user-mode networking. hostfwd=tcp:2222:22 leads the host's port 2222 to the guest's 22; "
     "further forwards follow after commas, and hostfwd=tcp:0.0.0.0:2222:22 opens the port to other machines.",
     take_net},
    {0},
};
