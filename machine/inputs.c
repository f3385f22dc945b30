/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door: a queue for each source, filled by the host's side at any time and from any thread, emptied
 * by the run loop between instructions. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "machine/inputs.h"

#define QUEUE_LIMIT_BYTES (16u << 20)
#define POLL_CAPACITY     256

struct item {
    struct item *next;
    size_t length, taken; /* bytes, and how many of them the device already has */
    uint8_t bytes[];
};

struct queue {
    struct input_source source;
    struct item *first, **last;
    size_t queued_bytes;
    bool scripted, ended, awaits_listener;
};

#define OBSERVERS_MAX 2u /* a recording, and a debugger's history */

struct inputs {
    pthread_mutex_t lock; /* guards the queues' contents and `queued` */
    struct queue *queues;
    unsigned queue_count;
    atomic_ulong posts; /* how many there were */
    atomic_uint queued; /* items in all unscripted queues */
    int wake_fd;
    bool past;
    pthread_t thread; /* the machine's own, which needs no waking */
    struct host_watch **watches;
    unsigned watch_count;
    struct host_poller **pollers;
    unsigned poller_count;
    void (*posted)(void *context);
    void *posted_context;
    void (*before_wait)(void *context); /* NULL: nobody is to be told */
    void (*after_wait)(void *context);
    void *wait_context;
    struct {
        inputs_observer *tell; /* NULL: nobody */
        void *context;
    } observers[OBSERVERS_MAX];
};

/* --- the queue ------------------------------------------------------------------------------------- */

unsigned input_register(struct inputs *inputs, const struct input_source *source)
{
    inputs->queues = realloc(inputs->queues, (inputs->queue_count + 1) * sizeof *inputs->queues);
    assert(inputs->queues);
    inputs->queues[inputs->queue_count] = (struct queue){.source = *source};
    /* The array moved, and with it the tails of the empty queues. */
    for (unsigned i = 0; i <= inputs->queue_count; i++)
        if (!inputs->queues[i].first)
            inputs->queues[i].last = &inputs->queues[i].first;
    return inputs->queue_count++;
}

bool input_post(struct inputs *inputs, unsigned source, const void *bytes, size_t length)
{
    assert(source < inputs->queue_count);
    struct queue *queue = &inputs->queues[source];
    pthread_mutex_lock(&inputs->lock);
    bool fits = length <= QUEUE_LIMIT_BYTES && queue->queued_bytes <= QUEUE_LIMIT_BYTES - length;
    struct item *item = fits ? malloc(sizeof *item + length) : NULL;
    if (item) {
        *item = (struct item){.length = length};
        if (length) /* some inputs have no bytes: a key that was pressed */
            memcpy(item->bytes, bytes, length);
        *queue->last = item;
        queue->last = &item->next;
        queue->queued_bytes += length;
        inputs->posts++;
        if (!queue->scripted)
            inputs->queued++;
    }
    pthread_mutex_unlock(&inputs->lock);
    if (item && !pthread_equal(pthread_self(), inputs->thread))
        inputs_wake(inputs);
    else if (item && !queue->scripted && inputs->posted)
        inputs->posted(inputs->posted_context);
    return item != NULL;
}

bool inputs_past(const struct inputs *inputs)
{
    return inputs->past;
}

void inputs_set_past(struct inputs *inputs, bool past)
{
    inputs->past = past;
}

size_t input_room(struct inputs *inputs, unsigned source)
{
    assert(source < inputs->queue_count);
    pthread_mutex_lock(&inputs->lock);
    size_t room = QUEUE_LIMIT_BYTES - inputs->queues[source].queued_bytes;
    pthread_mutex_unlock(&inputs->lock);
    return room;
}

void input_script(struct inputs *inputs, unsigned source)
{
    assert(source < inputs->queue_count);
    struct queue *queue = &inputs->queues[source];
    pthread_mutex_lock(&inputs->lock);
    for (const struct item *item = queue->first; item && !queue->scripted; item = item->next)
        inputs->queued--;
    queue->scripted = true;
    pthread_mutex_unlock(&inputs->lock);
}

void input_await_listener(struct inputs *inputs, unsigned source)
{
    assert(source < inputs->queue_count);
    inputs->queues[source].awaits_listener = true;
}

void input_script_end(struct inputs *inputs, unsigned source)
{
    assert(source < inputs->queue_count);
    inputs->queues[source].ended = true;
}

bool inputs_queued(const struct inputs *inputs)
{
    return inputs->queued != 0;
}

/* --- to the guest ---------------------------------------------------------------------------------- */

/* Every input that reaches the guest passes here. */
static void inputs_hand_over(struct inputs *inputs, unsigned source, struct input_stamp stamp,
                             const void *bytes, size_t length)
{
    const struct input_source *to = &inputs->queues[source].source;
    for (unsigned i = 0; i < OBSERVERS_MAX; i++)
        if (inputs->observers[i].tell)
            inputs->observers[i].tell(inputs->observers[i].context, source, stamp, bytes, length);
    to->deliver(to->device, bytes, length);
}

/* Takes the next piece of at most `limit` bytes (all of it where the source is not divisible). NULL: none.
 * The caller frees it. */
static struct item *queue_take(struct inputs *inputs, struct queue *queue, size_t limit)
{
    struct item *piece = NULL;
    pthread_mutex_lock(&inputs->lock);
    struct item *first = queue->first;
    if (first) {
        size_t left = first->length - first->taken;
        if (!queue->source.divisible || (left <= limit && first->taken == 0)) {
            piece = first;
        } else {
            size_t length = left < limit ? left : limit;
            piece = malloc(sizeof *piece + length);
            assert(piece);
            *piece = (struct item){.length = length};
            memcpy(piece->bytes, first->bytes + first->taken, length);
            first->taken += length;
        }
        queue->queued_bytes -= piece->length;
        if (piece == first || first->taken == first->length) {
            queue->first = first->next;
            if (!queue->first)
                queue->last = &queue->first;
            if (!queue->scripted)
                inputs->queued--;
            if (piece != first)
                free(first);
        }
    }
    pthread_mutex_unlock(&inputs->lock);
    return piece;
}

static size_t source_ready(const struct input_source *source)
{
    return source->ready ? source->ready(source->device) : SIZE_MAX;
}

static bool source_listening(const struct input_source *source)
{
    return !source->listening || source->listening(source->device);
}

bool inputs_deliver(struct inputs *inputs, struct input_stamp stamp)
{
    bool any = false;
    for (unsigned i = 0; i < inputs->queue_count && inputs->queued; i++) {
        struct queue *queue = &inputs->queues[i];
        size_t ready;
        while (!queue->scripted && (ready = source_ready(&queue->source)) &&
               (!queue->awaits_listener || source_listening(&queue->source))) {
            struct item *piece = queue_take(inputs, queue, ready);
            if (!piece)
                break;
            inputs_hand_over(inputs, i, stamp, piece->bytes, piece->length);
            free(piece);
            any = true;
        }
    }
    return any;
}

unsigned inputs_source_count(const struct inputs *inputs)
{
    return inputs->queue_count;
}

const struct input_source *inputs_source(const struct inputs *inputs, unsigned source)
{
    assert(source < inputs->queue_count);
    return &inputs->queues[source].source;
}

bool inputs_replay(struct inputs *inputs, unsigned source, struct input_stamp stamp, const void *bytes, size_t length)
{
    const struct input_source *to = inputs_source(inputs, source);
    size_t ready = source_ready(to);
    if (ready == 0 || (to->divisible && length > ready) || (to->valid && !to->valid(to->device, bytes, length)))
        return false;
    inputs_hand_over(inputs, source, stamp, bytes, length);
    return true;
}

/* The bytes queued through the first '\n'; 0 where none has come and more may. After the end of the script
 * what is left counts as a line. */
static size_t queue_line_bytes(struct inputs *inputs, const struct queue *queue)
{
    size_t before = 0, line = 0;
    pthread_mutex_lock(&inputs->lock);
    for (const struct item *item = queue->first; item && !line; item = item->next) {
        size_t left = item->length - item->taken;
        const uint8_t *from = item->bytes + item->taken;
        const uint8_t *end = memchr(from, '\n', left);
        if (end)
            line = before + (size_t)(end - from) + 1;
        before += left;
    }
    pthread_mutex_unlock(&inputs->lock);
    return line ? line : queue->ended ? before : 0;
}

bool inputs_deliver_line(struct inputs *inputs, struct input_stamp stamp)
{
    bool any = false;
    for (unsigned i = 0; i < inputs->queue_count; i++) {
        struct queue *queue = &inputs->queues[i];
        if (!queue->scripted || !source_listening(&queue->source))
            continue;
        /* A line longer than the device takes now goes in pieces, one each time the guest is idle again. */
        size_t ready = source_ready(&queue->source);
        size_t line = queue_line_bytes(inputs, queue);
        while (ready && line) {
            struct item *piece = queue_take(inputs, queue, ready < line ? ready : line);
            inputs_hand_over(inputs, i, stamp, piece->bytes, piece->length);
            line -= piece->length < line ? piece->length : line;
            free(piece);
            any = true;
            ready = source_ready(&queue->source);
        }
    }
    return any;
}

bool inputs_scripted(const struct inputs *inputs)
{
    for (unsigned i = 0; i < inputs->queue_count; i++)
        if (inputs->queues[i].scripted && (inputs->queues[i].first || !inputs->queues[i].ended))
            return true;
    return false;
}

bool inputs_script_awaited(struct inputs *inputs)
{
    for (unsigned i = 0; i < inputs->queue_count; i++) {
        struct queue *queue = &inputs->queues[i];
        if (queue->scripted && !queue->ended && source_listening(&queue->source) &&
            source_ready(&queue->source) && !queue_line_bytes(inputs, queue))
            return true;
    }
    return false;
}

bool inputs_script_polled(const struct inputs *inputs)
{
    for (unsigned i = 0; i < inputs->queue_count; i++) {
        const struct queue *queue = &inputs->queues[i];
        if (queue->scripted && (queue->first || !queue->ended) && queue->source.polling &&
            queue->source.polling(queue->source.device))
            return true;
    }
    return false;
}

bool inputs_each_queued(struct inputs *inputs,
                        bool (*each)(void *context, const char *name, const void *bytes, size_t length), void *context)
{
    bool good = true;
    pthread_mutex_lock(&inputs->lock);
    for (unsigned i = 0; i < inputs->queue_count && good; i++)
        for (const struct item *item = inputs->queues[i].first; item && good; item = item->next)
            good = each(context, inputs->queues[i].source.name, item->bytes + item->taken, item->length - item->taken);
    pthread_mutex_unlock(&inputs->lock);
    return good;
}

void inputs_clear(struct inputs *inputs)
{
    for (unsigned i = 0; i < inputs->queue_count; i++)
        for (struct item *piece; (piece = queue_take(inputs, &inputs->queues[i], SIZE_MAX));)
            free(piece);
}

bool inputs_find(const struct inputs *inputs, const char *name, unsigned *source)
{
    for (*source = 0; *source < inputs->queue_count; ++*source)
        if (!strcmp(inputs->queues[*source].source.name, name))
            return true;
    return false;
}

/* --- the host's descriptors ------------------------------------------------------------------------ */

void host_watch_add(struct inputs *inputs, struct host_watch *watch)
{
    inputs->watches = realloc(inputs->watches, (inputs->watch_count + 1) * sizeof *inputs->watches);
    assert(inputs->watches);
    inputs->watches[inputs->watch_count++] = watch;
}

void host_watch_remove(struct inputs *inputs, struct host_watch *watch)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < inputs->watch_count; i++)
        if (inputs->watches[i] != watch)
            inputs->watches[kept++] = inputs->watches[i];
    inputs->watch_count = kept;
}

void host_poller_add(struct inputs *inputs, struct host_poller *poller)
{
    inputs->pollers = realloc(inputs->pollers, (inputs->poller_count + 1) * sizeof *inputs->pollers);
    assert(inputs->pollers);
    inputs->pollers[inputs->poller_count++] = poller;
}

void host_waits_changed(struct inputs *inputs)
{
    if (!pthread_equal(pthread_self(), inputs->thread))
        inputs_wake(inputs);
}

static bool watch_present(const struct inputs *inputs, const struct host_watch *watch)
{
    for (unsigned i = 0; i < inputs->watch_count; i++)
        if (inputs->watches[i] == watch)
            return true;
    return false;
}

bool inputs_busy(struct inputs *inputs)
{
    for (unsigned i = 0; i < inputs->poller_count; i++) {
        const struct host_poller *poller = inputs->pollers[i];
        if (poller->busy && poller->busy(poller->backend))
            return true;
    }
    return false;
}

bool inputs_poll(struct inputs *inputs, uint64_t timeout_ns)
{
    unsigned long posts_before = inputs->posts;
    struct pollfd fds[POLL_CAPACITY];
    struct host_watch *watched[POLL_CAPACITY];
    int poller_first[POLL_CAPACITY], poller_count[POLL_CAPACITY];
    int count = 0, watch_count = 0;

    fds[count++] = (struct pollfd){.fd = inputs->wake_fd, .events = POLLIN};
    for (unsigned i = 0; i < inputs->watch_count && count < POLL_CAPACITY; i++) {
        struct host_watch *watch = inputs->watches[i];
        watched[watch_count++] = watch;
        /* A negative descriptor is skipped by poll(): one that asks for nothing must not report POLLHUP. */
        fds[count++] = (struct pollfd){.fd = watch->events ? watch->fd : -1, .events = watch->events};
    }
    for (unsigned i = 0; i < inputs->poller_count && i < POLL_CAPACITY; i++) {
        struct host_poller *poller = inputs->pollers[i];
        int timeout_ms = timeout_ns / 1000000 < 3600000 ? (int)(timeout_ns / 1000000) + 1 : -1;
        int asked = timeout_ms;
        poller_first[i] = count;
        poller_count[i] = poller->fill(poller->backend, fds + count, POLL_CAPACITY - count, &timeout_ms);
        count += poller_count[i];
        if (timeout_ms >= 0 && timeout_ms != asked)
            timeout_ns = (uint64_t)timeout_ms * 1000000;
    }

    struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    if (inputs->before_wait)
        inputs->before_wait(inputs->wait_context);
    int got = ppoll(fds, (nfds_t)count, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
    if (inputs->after_wait)
        inputs->after_wait(inputs->wait_context);
    bool failed = got < 0;

    if (!failed && fds[0].revents) {
        uint64_t wakes;
        while (read(inputs->wake_fd, &wakes, sizeof wakes) < 0 && errno == EINTR)
            continue;
    }
    for (int i = 0; !failed && i < watch_count; i++)
        if (fds[1 + i].revents && watch_present(inputs, watched[i]))
            watched[i]->ready(watched[i]->backend, fds[1 + i].revents);
    for (unsigned i = 0; i < inputs->poller_count && i < POLL_CAPACITY; i++)
        inputs->pollers[i]->done(inputs->pollers[i]->backend, fds + poller_first[i], poller_count[i], failed);
    return inputs->posts != posts_before;
}

void inputs_wake(struct inputs *inputs)
{
    uint64_t one = 1;
    ssize_t written = write(inputs->wake_fd, &one, sizeof one);
    (void)written; /* the only failure is a counter that is full, which wakes as well */
}

/* --- life ------------------------------------------------------------------------------------------ */

void inputs_on_posted(struct inputs *inputs, void (*posted)(void *context), void *context)
{
    inputs->posted = posted;
    inputs->posted_context = context;
}

void inputs_around_wait(struct inputs *inputs, void (*before)(void *context), void (*after)(void *context),
                        void *context)
{
    inputs->before_wait = before;
    inputs->after_wait = after;
    inputs->wait_context = context;
}

void inputs_observe(struct inputs *inputs, inputs_observer *observer, void *context)
{
    /* In the place of the one with that context, or in a free one. */
    unsigned at = 0;
    while (at < OBSERVERS_MAX && !(inputs->observers[at].tell && inputs->observers[at].context == context))
        at++;
    for (unsigned i = 0; at == OBSERVERS_MAX && i < OBSERVERS_MAX; i++)
        if (!inputs->observers[i].tell)
            at = i;
    if (at == OBSERVERS_MAX && !observer)
        return;
    assert(at < OBSERVERS_MAX);
    inputs->observers[at].tell = observer;
    inputs->observers[at].context = context;
}

struct inputs *inputs_create(struct error *error)
{
    struct inputs *inputs = calloc(1, sizeof *inputs);
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!inputs || wake_fd < 0) {
        free(inputs);
        error_set(error, "no event descriptor from the host: %s; close other programs or raise ulimit -n",
                  strerror(errno));
        return NULL;
    }
    pthread_mutex_init(&inputs->lock, NULL);
    inputs->wake_fd = wake_fd;
    inputs->thread = pthread_self();
    return inputs;
}

void inputs_serve_here(struct inputs *inputs)
{
    inputs->thread = pthread_self();
}

void inputs_free(struct inputs *inputs)
{
    if (!inputs)
        return;
    for (unsigned i = 0; i < inputs->queue_count; i++)
        for (struct item *item = inputs->queues[i].first, *next; item; item = next) {
            next = item->next;
            free(item);
        }
    close(inputs->wake_fd);
    pthread_mutex_destroy(&inputs->lock);
    free(inputs->queues);
    free(inputs->watches);
    free(inputs->pollers);
    free(inputs);
}
