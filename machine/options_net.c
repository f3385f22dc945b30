/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The networks of the machine. A group of the table of options. */
#include <arpa/inet.h>
#include <stdio.h>
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

static bool take_forward(struct net_option *net, char *value)
{
    return net->kind == NET_USER && net->forward_count < MAX_FORWARDS &&
           parse_forward(value, &net->forwards[net->forward_count++]);
}

/* tcp:ADDRESS:PORT-unix:PATH */
static bool take_guest_forward(struct net_option *net, char *value)
{
    struct guest_forward_option *forward = &net->guest_forwards[net->guest_forward_count];
    struct in_addr address;
    uint64_t port;
    char *to = strstr(value, "-unix:"), *rest = value;
    if (net->kind != NET_USER || net->guest_forward_count == MAX_FORWARDS || !to)
        return false;
    *to = 0;
    to += strlen("-unix:");
    const char *protocol = strsep(&rest, ":"), *host = rest ? strsep(&rest, ":") : NULL;
    if (strcmp(protocol, "tcp") || !host || !rest || inet_pton(AF_INET, host, &address) != 1 ||
        !option_whole_number(rest, UINT16_MAX, &port) || port == 0 || !*to || strlen(to) >= sizeof forward->path)
        return false;
    forward->address = ntohl(address.s_addr);
    forward->port = (uint16_t)port;
    strcpy(forward->path, to);
    net->guest_forward_count++;
    return true;
}

static bool take_restrict(struct net_option *net, char *value)
{
    net->restricted = true;
    return net->kind == NET_USER;
}

static bool take_listen(struct net_option *net, char *value)
{
    net->listens = true;
    return net->kind == NET_SOCKET;
}

static bool take_mac(struct net_option *net, char *value)
{
    unsigned byte[6];
    char end;
    if (strlen(value) != 17 || sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2], &byte[3],
                                      &byte[4], &byte[5], &end) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        net->mac[i] = (uint8_t)byte[i];
    net->mac_given = true;
    return !(net->mac[0] & 1); /* a group is no station */
}

static bool take_queues(struct net_option *net, char *value)
{
    uint64_t queues;
    if (!option_whole_number(value, MAX_NET_QUEUES, &queues) || queues == 0)
        return false;
    net->queues = (unsigned)queues;
    return true;
}

static bool take_dump(struct net_option *net, char *value)
{
    if (!*value || strlen(value) >= sizeof net->dump)
        return false;
    strcpy(net->dump, value);
    return true;
}

static const struct {
    const char *word; /* one that ends with '=' has a value behind it */
    bool (*take)(struct net_option *net, char *value);
} net_words[] = {
    {"hostfwd=", take_forward}, {"guestfwd=", take_guest_forward}, {"restrict", take_restrict}, {"listen", take_listen},
    {"mac=", take_mac},         {"queues=", take_queues},          {"dump=", take_dump},
};

static bool take_net_word(struct net_option *net, char *word)
{
    for (unsigned i = 0; i < sizeof net_words / sizeof net_words[0]; i++) {
        size_t length = strlen(net_words[i].word);
        bool valued = net_words[i].word[length - 1] == '=';
        if (valued ? !strncmp(word, net_words[i].word, length) : !strcmp(word, net_words[i].word))
            return net_words[i].take(net, word + length);
    }
    return false;
}

/* user, none, tap:NAME, socket:PLACE or switch:NETWORK */
static bool take_net_kind(struct net_option *net, const char *text)
{
    static const struct {
        const char *word;
        enum net_kind kind;
    } kinds[] = {{"tap:", NET_TAP}, {"socket:", NET_SOCKET}, {"switch:", NET_SWITCH}};
    if (!strcmp(text, "user"))
        return true;
    if (!strcmp(text, "none")) {
        net->kind = NET_NONE;
        return true;
    }
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].word);
        if (strncmp(text, kinds[i].word, length) || !text[length] || strlen(text + length) >= sizeof net->place)
            continue;
        net->kind = kinds[i].kind;
        strcpy(net->place, text + length);
        return net->kind != NET_SOCKET || !strncmp(net->place, "unix:", 5) || !strncmp(net->place, "tcp:", 4);
    }
    return false;
}

static bool take_net(struct run_options *options, const char *value, struct error *error)
{
    if (options->net_count == MAX_NETS)
        return error_set(error, "--net can be given %u times at most", MAX_NETS);
    struct net_option *net = &options->nets[options->net_count];
    /* Where the cable leads may be said anew of a card that a snapshot has, which stays what it is. */
    struct net_option before = *net;
    *net = (struct net_option){.queues = before.queues, .mac_given = before.mac_given};
    memcpy(net->mac, before.mac, sizeof net->mac);

    char copy[4096], *rest = copy, *word = copy;
    bool good = strlen(value) < sizeof copy;
    if (good)
        strcpy(copy, value);
    good = good && take_net_kind(net, strsep(&rest, ","));
    while (good && rest) {
        char shown[64];
        word = strsep(&rest, ",");
        snprintf(shown, sizeof shown, "%s", word);
        if (!take_net_word(net, word))
            return error_set(error,
                             "--net has no use for '%s'; it takes hostfwd=tcp:HOSTPORT:GUESTPORT (also udp:, also with "
                             "the host's address before its port), guestfwd=tcp:ADDRESS:PORT-unix:PATH and restrict "
                             "behind user, listen behind socket:, and mac=, queues=1 to %u and dump=FILE",
                             shown, MAX_NET_QUEUES);
    }
    if (!good)
        return error_set(error,
                         "--net expects user, none, tap:INTERFACE, socket:unix:PATH, socket:tcp:HOST:PORT or "
                         "switch:NETWORK, and words behind it such as user,hostfwd=tcp:HOSTPORT:GUESTPORT, not '%s'",
                         value);
    options->net_count++;
    return true;
}

/* PATH[,cid=N] */
static bool take_vsock(struct run_options *options, const char *value, struct error *error)
{
    struct vsock_option *vsock = &options->vsock;
    const char *comma = strrchr(value, ',');
    uint64_t cid = vsock->cid ? vsock->cid : 3;
    size_t length = comma ? (size_t)(comma - value) : strlen(value);
    if (comma && (strncmp(comma, ",cid=", 5) || !option_whole_number(comma + 5, UINT32_MAX - 1, &cid)))
        cid = 0;
    if (cid < 3 || length >= sizeof vsock->path - 11)
        return error_set(error,
                         "--vsock expects the path of a socket, and maybe ,cid=N with a number from 3 to 4294967294, "
                         "such as vm.vsock,cid=3 (not '%s')",
                         value);
    vsock->cid = (uint32_t)cid;
    memcpy(vsock->path, value, length);
    vsock->path[length] = 0;
    return true;
}

const struct cli_option options_net[] = {
    {"--net", "KIND[,WORD...]", "user user,hostfwd=tcp: none tap: socket:unix: socket:tcp: switch:", true,
     "A network card. user: user-mode networking, IPv4 and IPv6. hostfwd=tcp:2222:22 behind it leads the host's port "
     "2222 to the guest's 22, hostfwd=tcp:0.0.0.0:2222:22 for other machines too; guestfwd=tcp:10.0.2.100:80-unix:PATH "
     "leads the guest's connections there to a socket; with restrict nothing else leads out or in. tap:NAME: an "
     "interface of the host. none: nothing. socket:unix:PATH or socket:tcp:HOST:PORT: another machine, which has the "
     "same with listen. switch:NAME: the machines of a --cluster that have the same. mac= is its address (else the "
     "seed makes one), queues= the pairs of queues, dump=FILE "
     "keeps all frames (pcap).",
     take_net},
    {"--vsock", "PATH[,cid=N]", "", false,
     "Sockets between the guest and the host (virtio-vsock). Who connects to the Unix socket PATH and says CONNECT "
     "PORT gets to the guest's port; the guest's connections to port N of the host (CID 2) go to the socket PATH_N. "
     "The guest's own CID is 3, or N.",
     take_vsock},
    {0},
};
