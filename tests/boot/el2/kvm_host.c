/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small user of /dev/kvm: one virtual machine with one processor, an interrupt controller and a console of one byte,
 * which runs kvm_guest.S. Ends with status 0 when the guest has powered off. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define RAM_BASE  0x40000000ull
#define RAM_BYTES (4u << 20)
#define CONSOLE   0x09000000ull

extern const char kvm_guest_begin[], kvm_guest_end[];

static int call(int fd, unsigned long request, void *argument, const char *what)
{
    int result = ioctl(fd, request, argument);
    if (result < 0) {
        printf("kvm: %s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

static void set_device(int device, uint32_t group, uint64_t attribute, void *value, const char *what)
{
    struct kvm_device_attr set = {.group = group, .attr = attribute, .addr = (uintptr_t)value};
    call(device, KVM_SET_DEVICE_ATTR, &set, what);
}

/* Of version 3, or where the host has no such, of version 2. */
static int make_gic(int vm, uint64_t *version)
{
    struct kvm_create_device made = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
    uint64_t dist = 0x08000000, redist = 0x080a0000, cpu = 0x08010000;
    *version = 3;
    if (ioctl(vm, KVM_CREATE_DEVICE, &made) < 0) {
        *version = 2;
        made.type = KVM_DEV_TYPE_ARM_VGIC_V2;
        call(vm, KVM_CREATE_DEVICE, &made, "interrupt controller");
        set_device((int)made.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST, &dist, "distributor");
        set_device((int)made.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, &cpu, "CPU interface");
        return (int)made.fd;
    }
    set_device((int)made.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist, "distributor");
    set_device((int)made.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist, "redistributor");
    return (int)made.fd;
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) {
        perror("/dev/kvm");
        return 1;
    }
    int vm = call(kvm, KVM_CREATE_VM, NULL, "machine");
    char *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memcpy(ram, kvm_guest_begin, (size_t)(kvm_guest_end - kvm_guest_begin));
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = RAM_BASE, .memory_size = RAM_BYTES, .userspace_addr = (uintptr_t)ram};
    call(vm, KVM_SET_USER_MEMORY_REGION, &region, "memory");
    uint64_t version;
    int gic = make_gic(vm, &version), cpu = call(vm, KVM_CREATE_VCPU, NULL, "processor");
    struct kvm_vcpu_init init;
    call(vm, KVM_ARM_PREFERRED_TARGET, &init, "target");
    init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
    call(cpu, KVM_ARM_VCPU_INIT, &init, "processor's features");
    set_device(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, "interrupt controller's start");
    uint64_t pc = RAM_BASE;
    struct kvm_one_reg reg = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
                              .addr = (uintptr_t)&pc};
    call(cpu, KVM_SET_ONE_REG, &reg, "PC");
    reg.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.regs[0]);
    reg.addr = (uintptr_t)&version;
    call(cpu, KVM_SET_ONE_REG, &reg, "X0");
    printf("kvm: the guest's interrupt controller is of version %d\n", (int)version);
    size_t bytes = (size_t)call(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "size");
    struct kvm_run *run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    for (unsigned exits = 0;; exits++) {
        call(cpu, KVM_RUN, NULL, "run");
        if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.phys_addr == CONSOLE) {
            putchar(run->mmio.data[0]);
        } else if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
            printf("kvm: powered off after %u exits\n", exits);
            return 0;
        } else {
            printf("kvm: exit for reason %u at 0x%llx\n", run->exit_reason,
                   run->exit_reason == KVM_EXIT_MMIO ? (unsigned long long)run->mmio.phys_addr : 0ull);
            return 1;
        }
    }
}
