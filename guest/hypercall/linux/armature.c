// SPDX-License-Identifier: GPL-3.0-or-later
/* /dev/armature: programs of root's call functions of the host's libraries, as far as Armature's --hostcall allows. The
 * host takes physical addresses of whole pieces of memory, so what a program gives is copied to such a piece and back.
 *
 * Programs use it by armature_device.h; the Makefile says how both are built. */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "../armature_hypercall.h"
#include "armature_ioctl.h"

/* The host's side of a call: all that it is told of lies in memory of the kernel's own. */
struct pass {
    struct armature_call_request request;
    u64 values[ARMATURE_ARGUMENTS_MAX];
    void *buffers[ARMATURE_ARGUMENTS_MAX];
};

static long do_find(void __user *from)
{
    struct armature_find_request *request = memdup_user(from, sizeof *request);
    size_t length;
    long result = 0;

    if (IS_ERR(request))
        return PTR_ERR(request);
    length = strnlen(request->name, sizeof request->name);
    if (length == sizeof request->name)
        result = -EINVAL;
    else
        request->number = armature_find(virt_to_phys(request->name), length);
    if (!result && copy_to_user(from, request, sizeof *request))
        result = -EFAULT;
    kfree(request);
    return result;
}

static long take_argument(struct pass *pass, unsigned int i)
{
    const struct armature_argument *argument = &pass->request.arguments[i];

    pass->values[i] = argument->value;
    if (!argument->flags)
        return 0;
    if (argument->flags & ~(ARMATURE_READ | ARMATURE_WRITE) || !argument->bytes ||
        argument->bytes > ARMATURE_BUFFER_MAX)
        return -EINVAL;
    pass->buffers[i] = alloc_pages_exact(argument->bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
    if (!pass->buffers[i])
        return -ENOMEM;
    pass->values[i] = virt_to_phys(pass->buffers[i]);
    if (argument->flags & ARMATURE_READ &&
        copy_from_user(pass->buffers[i], u64_to_user_ptr(argument->value), argument->bytes))
        return -EFAULT;
    return 0;
}

static long give_argument(const struct pass *pass, unsigned int i)
{
    const struct armature_argument *argument = &pass->request.arguments[i];

    if (!(argument->flags & ARMATURE_WRITE))
        return 0;
    return copy_to_user(u64_to_user_ptr(argument->value), pass->buffers[i], argument->bytes) ? -EFAULT : 0;
}

static long do_call(void __user *from)
{
    struct pass *pass = kzalloc(sizeof *pass, GFP_KERNEL);
    struct armature_call_request *request;
    long result;
    unsigned int i;

    if (!pass)
        return -ENOMEM;
    request = &pass->request;
    result = copy_from_user(request, from, sizeof *request) ? -EFAULT : 0;
    if (!result && request->count > ARMATURE_ARGUMENTS_MAX)
        result = -EINVAL;
    for (i = 0; !result && i < request->count; i++)
        result = take_argument(pass, i);
    if (!result)
        request->status = armature_call(request->number, virt_to_phys(pass->values), request->count, &request->result);
    for (i = 0; !result && !request->status && i < request->count; i++)
        result = give_argument(pass, i);
    if (!result && copy_to_user(from, request, sizeof *request))
        result = -EFAULT;
    for (i = 0; i < ARMATURE_ARGUMENTS_MAX; i++)
        if (pass->buffers[i])
            free_pages_exact(pass->buffers[i], request->arguments[i].bytes);
    kfree(pass);
    return result;
}

static long do_clock(void __user *to)
{
    u64 now = armature_clock_ns();

    return copy_to_user(to, &now, sizeof now) ? -EFAULT : 0;
}

static long armature_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
    switch (command) {
    case ARMATURE_IOC_FIND: return do_find((void __user *)argument);
    case ARMATURE_IOC_CALL: return do_call((void __user *)argument);
    case ARMATURE_IOC_CLOCK: return do_clock((void __user *)argument);
    default: return -ENOTTY;
    }
}

static const struct file_operations armature_file = {
    .owner = THIS_MODULE,
    .unlocked_ioctl = armature_ioctl,
    .llseek = noop_llseek,
};

static struct miscdevice armature_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "armature",
    .fops = &armature_file,
    .mode = 0600,
};

static int __init armature_init(void)
{
    return armature_present() ? misc_register(&armature_device) : -ENODEV;
}

static void __exit armature_exit(void)
{
    misc_deregister(&armature_device);
}

module_init(armature_init);
module_exit(armature_exit);
MODULE_DESCRIPTION("Calls of functions in the libraries of an Armature host");
MODULE_LICENSE("GPL");
