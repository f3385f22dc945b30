/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: what each option takes, what it refuses and how, and what the help makes of the table. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include "machine/options_table.h"

enum { MAX_WORDS = 80 };

static struct run_options options;
static struct error error;
static char line[4096];

/* Parses the words of `text`, which are separated by single blanks ("~": an empty word). */
static bool parse(const char *text)
{
    char *words[MAX_WORDS];
    int count = 0;
    strcpy(line, text);
    for (char *rest = line; rest && *rest;) {
        words[count] = strsep(&rest, " ");
        if (!strcmp(words[count], "~"))
            words[count] = "";
        count++;
    }
    error.text[0] = 0;
    run_options_default(&options);
    return run_options_parse(&options, count, words, &error);
}

static void test_defaults(void **state)
{
    assert_true(parse("--kernel Image"));
    assert_string_equal(options.kernel, "Image");
    assert_null(options.initrd);
    assert_null(options.dtb);
    assert_string_equal(options.append, "");
    assert_int_equal(options.memory_bytes, 1ull << 30);
    assert_int_equal(options.cpus, 1);
    assert_int_equal(options.disk_count, 0);
    assert_int_equal(options.net_count, 0);
    assert_int_equal(options.serial.kind, SERIAL_STDIO);
    assert_int_equal(options.console.kind, SERIAL_NONE);
    assert_int_equal(options.cpu, CPU_V8_2);
    assert_int_equal(options.engine, ENGINE_CHOICE_AUTO);
    assert_int_equal(options.host_features, HOST_LEVEL_NATIVE);
    assert_int_equal(options.jit_cache_bytes, 32u << 20);
    assert_int_equal(options.seed, 0);
    assert_int_equal(options.timeout_ns, 0);
    assert_false(options.exit_on_panic);
    assert_false(options.no_reboot);
    assert_false(options.parallel);
    assert_true(parse("--kernel Image --parallel"));
    assert_true(options.parallel);
    assert_true(parse("--kernel Image --parallel --clock paced"));
}

static void test_everything(void **state)
{
    assert_true(parse(
        "--kernel k --initrd i --append a=b --dtb d --memory 512M --cpus 4 --disk x.img --disk y,z.img,ro "
        "--serial unix:/tmp/s --console pty --engine interp --host-features x86-64-v3 --cpu max "
        "--jit-cache 8M --clock paced --seed 0xff --exit-on-panic --no-reboot --timeout 2m "
        "--state-hash-at 5,0x10,17"));
    assert_string_equal(options.initrd, "i");
    assert_int_equal(options.hash_count, 3);
    assert_int_equal(options.hash_at[1], 16);
    assert_int_equal(options.hash_at[2], 17);
    assert_string_equal(options.append, "a=b");
    assert_string_equal(options.dtb, "d");
    assert_int_equal(options.memory_bytes, 512ull << 20);
    assert_int_equal(options.cpus, 4);
    assert_int_equal(options.disk_count, 2);
    assert_string_equal(options.disks[0].path, "x.img");
    assert_false(options.disks[0].read_only);
    assert_string_equal(options.disks[1].path, "y,z.img");
    assert_true(options.disks[1].read_only);
    assert_int_equal(options.serial.kind, SERIAL_UNIX);
    assert_string_equal(options.serial.path, "/tmp/s");
    assert_int_equal(options.console.kind, SERIAL_PTY);
    assert_int_equal(options.engine, ENGINE_CHOICE_INTERP);
    assert_int_equal(options.host_features, HOST_LEVEL_V3);
    assert_int_equal(options.jit_cache_bytes, 8u << 20);
    assert_int_equal(options.cpu, CPU_MAX);
    assert_int_equal(options.clock, CLOCK_CHOICE_PACED);
    assert_int_equal(options.seed, 0xff);
    assert_true(options.exit_on_panic);
    assert_true(options.no_reboot);
    assert_int_equal(options.timeout_ns, 120000000000ull);
}

static void collect(void *context, const char *name, const char *value)
{
    snprintf((char *)context + strlen(context), 2048 - strlen(context), "%s=%s;", name, value);
}

/* A machine described is the same machine again, whatever it was called by. */
static void test_description(void **state)
{
    char first[2048] = "", again[2048] = "", copy[2048];
    struct run_options taken;
    assert_true(parse(
        "--kernel k --initrd i --append a=b --memory 2G --cpus 4 --disk x,ro --disk y --net "
        "user,hostfwd=tcp:1:2 --share s=/tmp,ro --serial none --console unix:s --cpu max --clock paced --seed 0x10 "
        "--timeout 2m --no-reboot --rtc 77 --engine interp --record r"));
    run_options_describe(&options, collect, first);
    assert_string_equal(first,
                        "--kernel=k;--initrd=i;--append=a=b;--memory=2048M;--cpus=4;--cpu=max;--disk=x,ro;--disk=y;"
                        "--net=user;--share=s,ro;--serial=none;--console=null;--clock=paced;--rtc=77;--seed=16;"
                        "--timeout=120000ms;--no-reboot=;");
    run_options_default(&taken);
    strcpy(copy, first);
    for (char *rest = copy, *name; *(name = strsep(&rest, ";"));) {
        char *value = strchr(name, '=');
        *value++ = 0;
        assert_true(run_options_take(&taken, name, value, &error));
    }
    run_options_describe(&taken, collect, again);
    assert_string_equal(again, first);
    assert_false(run_options_take(&taken, "--jit-dump", "file", &error));
    assert_false(run_options_take(&taken, "--serial", "file:x", &error));
    assert_false(run_options_take(&taken, "--net", "user,hostfwd=tcp:1:2", &error));
    assert_false(run_options_take(&taken, "--memory", "3", &error));
}

static void test_sound(void **state)
{
    char described[2048] = "";
    assert_true(parse("--kernel k --sound wav:out,1.wav,capture=in.wav"));
    assert_int_equal(options.sound.kind, SOUND_WAV);
    assert_string_equal(options.sound.path, "out,1.wav");
    assert_string_equal(options.sound.capture, "in.wav");
    run_options_describe(&options, collect, described);
    assert_non_null(strstr(described, "--sound=none;"));
    assert_false(run_options_take(&options, "--sound", "wav:x", &error));
    assert_true(parse("--kernel k --sound none,capture=in.wav") && options.sound.kind == SOUND_NONE);
    assert_true(parse("--kernel k --sound sdl") && options.sound.kind == SOUND_SDL);
    assert_false(parse("--kernel k --sound sdl,capture=in.wav"));
    assert_false(parse("--kernel k --sound wav:"));
    assert_false(parse("--kernel k --sound none,capture="));
    assert_false(parse("--kernel k --sound alsa"));
}

static void test_firmware(void **state)
{
    char described[2048] = "";
    assert_true(parse("--firmware flash.bin --firmware-vars vars --bus pci"));
    assert_string_equal(options.firmware, "flash.bin");
    assert_string_equal(options.firmware_vars, "vars");
    assert_int_equal(options.bus, BUS_CHOICE_PCI);
    assert_null(options.kernel);
    run_options_describe(&options, collect, described);
    assert_non_null(strstr(described, "--firmware=flash.bin;"));
    assert_non_null(strstr(described, "--bus=pci;"));
    assert_null(strstr(described, "vars")); /* what is in the flash is in the snapshot */
    assert_true(parse("--firmware uefi"));
    assert_string_equal(options.firmware, "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd");
    assert_int_equal(options.bus, BUS_CHOICE_MMIO);
    assert_true(parse("--firmware uboot --kernel k"));
    assert_string_equal(options.firmware, "/usr/lib/u-boot/qemu_arm64/u-boot.bin");
}

static void test_replay(void **state)
{
    assert_true(parse("--replay log")); /* which has the kernel */
    assert_string_equal(options.replay, "log");
    assert_false(parse("--replay log --record log"));
    assert_false(parse("--replay log --parallel"));
    assert_false(parse("--kernel k --record log --parallel"));
    assert_false(parse("--kernel k --rtc 0"));
    assert_true(parse("--kernel k --serial null"));
    assert_int_equal(options.serial.kind, SERIAL_NULL);
}

static void test_translation(void **state)
{
    assert_true(parse("--kernel k"));
    assert_null(options.jit_dump);
    assert_false(options.jit_statistics);
    assert_false(options.perf_map);
    assert_true(parse("--kernel k --engine jit --jit-cache 1G --jit-dump d --jit-statistics --perf-map"));
    assert_int_equal(options.jit_cache_bytes, 1u << 30);
    assert_string_equal(options.jit_dump, "d");
    assert_true(options.jit_statistics);
    assert_true(options.perf_map);
}

/* What the host would open is given by the user alone. */
static void test_calls(void **state)
{
    struct run_options taken;
    assert_true(parse("--kernel k --semihosting /srv --hostcall list"));
    assert_string_equal(options.semihosting, "/srv");
    assert_string_equal(options.hostcall, "list");
    run_options_default(&taken);
    assert_true(run_options_take(&taken, "--semihosting", "", &error) &&
                run_options_take(&taken, "--hostcall", "", &error));
    assert_string_equal(taken.semihosting, "");
    assert_false(run_options_take(&taken, "--semihosting", "/", &error));
    assert_false(run_options_take(&taken, "--hostcall", "list", &error));
}

static void test_share(void **state)
{
    assert_true(
        parse("--kernel k --share work=/srv/a,b --share old=/srv,ro --share m=x=y,mapped,ro --share n=z,ro,other"));
    static const struct share_option expected[] = {{"work", "/srv/a,b", false, false},
                                                   {"old", "/srv", true, false},
                                                   {"m", "x=y", true, true},
                                                   {"n", "z,ro,other", false, false}};
    assert_int_equal(options.share_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(options.shares[i].tag, expected[i].tag);
        assert_string_equal(options.shares[i].path, expected[i].path);
        assert_int_equal(options.shares[i].read_only, expected[i].read_only);
        assert_int_equal(options.shares[i].mapped, expected[i].mapped);
    }
    /* A snapshot names a folder, and not where it lies. */
    struct run_options taken;
    run_options_default(&taken);
    assert_true(run_options_take(&taken, "--share", "work,ro,mapped", &error));
    assert_string_equal(taken.shares[0].tag, "work");
    assert_string_equal(taken.shares[0].path, "");
    assert_true(taken.shares[0].read_only && taken.shares[0].mapped);
    assert_false(run_options_take(&taken, "--share", "root=/", &error));
}

static void test_net(void **state)
{
    assert_true(parse("--kernel k --net user --net user,hostfwd=tcp:2222:22,hostfwd=udp:0.0.0.0:53:5353"));
    assert_int_equal(options.net_count, 2);
    assert_int_equal(options.nets[0].forward_count, 0);
    const struct net_option *net = &options.nets[1];
    assert_int_equal(net->forward_count, 2);
    assert_false(net->forwards[0].udp);
    assert_int_equal(net->forwards[0].host_address, 0x7f000001);
    assert_int_equal(net->forwards[0].host_port, 2222);
    assert_int_equal(net->forwards[0].guest_port, 22);
    assert_true(net->forwards[1].udp);
    assert_int_equal(net->forwards[1].host_address, 0);
    assert_int_equal(net->forwards[1].host_port, 53);
    assert_int_equal(net->forwards[1].guest_port, 5353);
    assert_true(parse("--kernel k --net socket:unix:/run/x,listen,dump=x.pcap,mac=02:00:00:0a:0b:0c,queues=4 --net "
                      "tap:tap0 --net user,restrict,guestfwd=tcp:10.0.2.100:80-unix:/run/web --net none"));
    net = options.nets;
    assert_int_equal(net[0].kind, NET_SOCKET);
    assert_string_equal(net[0].place, "unix:/run/x");
    assert_true(net[0].listens && net[0].mac_given && net[0].queues == 4);
    assert_memory_equal(net[0].mac, "\2\0\0\x0a\x0b\x0c", 6);
    assert_string_equal(net[0].dump, "x.pcap");
    assert_int_equal(net[1].kind, NET_TAP);
    assert_string_equal(net[1].place, "tap0");
    assert_true(net[2].kind == NET_USER && net[2].restricted && net[2].guest_forward_count == 1);
    assert_int_equal(net[2].guest_forwards[0].address, 0x0a000264);
    assert_int_equal(net[2].guest_forwards[0].port, 80);
    assert_string_equal(net[2].guest_forwards[0].path, "/run/web");
    assert_int_equal(net[3].kind, NET_NONE);
    /* What a snapshot says of a card stays when its cable is said anew. */
    char *const words[] = {"--net", "user,hostfwd=tcp:1:2"};
    run_options_default(&options);
    options.firmware = "f";
    assert_true(run_options_take(&options, "--net", "user,queues=3,mac=02:00:00:00:00:07", &error));
    assert_true(run_options_parse(&options, 2, words, &error));
    assert_true(options.net_count == 1 && options.nets[0].queues == 3 && options.nets[0].mac[5] == 7);
}

static void test_vsock(void **state)
{
    assert_true(parse("--kernel k --vsock vm.sock"));
    assert_string_equal(options.vsock.path, "vm.sock");
    assert_int_equal(options.vsock.cid, 3);
    assert_true(parse("--kernel k --vsock vm.sock,cid=4294967294"));
    assert_int_equal(options.vsock.cid, 4294967294u);
    run_options_default(&options);
    assert_true(run_options_take(&options, "--vsock", ",cid=9", &error));
    assert_int_equal(options.vsock.cid, 9);
    assert_false(run_options_take(&options, "--vsock", "vm.sock,cid=9", &error));
}

static void test_limits_of_the_host(void **state)
{
    assert_true(parse("--kernel k --cpu-limit 150% --io-limit 50M,iops=1000 --no-isolation --verbose"));
    assert_int_equal(options.cpu_limit, 150);
    assert_int_equal(options.io_bytes_per_s, 50 << 20);
    assert_int_equal(options.io_per_s, 1000);
    assert_true(options.no_isolation && options.verbose);
    assert_true(parse("--kernel k --io-limit iops=7"));
    assert_int_equal(options.io_bytes_per_s, 0);
    assert_int_equal(options.io_per_s, 7);
    assert_true(parse("--kernel k --io-limit 1G"));
    assert_int_equal(options.io_bytes_per_s, 1u << 30);
    assert_int_equal(options.io_per_s, 0);
    /* How long requests take is part of what the machine is. */
    struct run_options taken;
    run_options_default(&taken);
    assert_true(run_options_take(&taken, "--io-limit", "52428800,iops=1000", &error));
    assert_int_equal(taken.io_bytes_per_s, 50 << 20);
}

/* Disks and CDs are in the order in which they are given, whichever comes first. */
static void test_cd_before_disk(void **state)
{
    assert_true(parse("--kernel k --cdrom a --disk b --disk c --cdrom d"));
    assert_int_equal(options.disk_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(options.disks[i].path, ((const char *const[]){"a", "b", "c", "d"})[i]);
}

static void test_refused(void **state)
{
    /* What is wrong, and a word that the message must have. */
    static const char *const refused[][2] = {
        {"", "--kernel"},
        {"--memory 1G", "--kernel"},
        {"--kernel", "FILE"},
        {"--kernel k --kernel l", "twice"},
        {"--kernel k --frob", "--frob"},
        {"--kernel k stray", "stray"},
        {"--kernel=k", "--kernel=k"},
        {"--kernel ~", "name"},
        {"--initrd ~ --kernel k", "name"},
        {"--kernel k --cpu-limit 50", "50%"},
        {"--kernel k --cpu-limit 0%", "50%"},
        {"--kernel k --cpu-limit 50% --parallel", "--parallel"},
        {"--kernel k --io-limit 100", "iops=1000"},
        {"--kernel k --io-limit 50M,iops=0", "iops=1000"},
        {"--kernel k --io-limit 50M,5", "iops=1000"},
        {"--kernel k --io-limit ~", "iops=1000"},
        {"--kernel k --serial none --serial-log x", "--serial-log"},
        {"--kernel k --net tap:", "tap:INTERFACE"},
        {"--kernel k --net socket:x", "socket:unix:PATH"},
        {"--kernel k --net user,listen", "'listen'"},
        {"--kernel k --net tap:t,restrict", "'restrict'"},
        {"--kernel k --net user,mac=01:00:00:00:00:00", "mac="},
        {"--kernel k --net user,mac=2:0:0:0:0:0", "mac="},
        {"--kernel k --net user,queues=5", "queues=5"},
        {"--kernel k --net user,guestfwd=tcp:10.0.2.100:80-tcp:1.2.3.4:5", "guestfwd"},
        {"--kernel k --net user,guestfwd=tcp:10.0.2.100:0-unix:x", "guestfwd"},
        {"--kernel k --net user,dump=", "dump"},
        {"--kernel k --vsock x,cid=2", "cid=N"},
        {"--kernel k --vsock x,cid=4294967295", "cid=N"},
        {"--kernel k --vsock ,cid=3", "path"},
        {"--kernel k --memory 0", "16M to 64G"},
        {"--kernel k --memory 15M", "16M to 64G"},
        {"--kernel k --memory 65G", "16M to 64G"},
        {"--kernel k --memory 1024", "16M to 64G"},
        {"--kernel k --memory -1G", "16M to 64G"},
        {"--kernel k --memory 1.5G", "16M to 64G"},
        {"--kernel k --memory 18446744073709551617M", "16M to 64G"},
        {"--kernel k --memory 17592186044416M", "16M to 64G"},
        {"--kernel k --memory G", "16M to 64G"},
        {"--kernel k --cpus 0", "1 to 64"},
        {"--kernel k --cpus 65", "1 to 64"},
        {"--kernel k --cpus two", "1 to 64"},
        {"--kernel k --cpu a57", "v8.2"},
        {"--kernel k --engine fast", "auto interp jit lockstep"},
        {"--kernel k --parallel --clock virtual", "--parallel"},
        {"--kernel k --engine lockstep --parallel", "--parallel"},
        {"--kernel k --parallel --state-hash-at 5", "--parallel"},
        {"--kernel k --parallel --parallel", "given twice"},
        {"--kernel k --engine auto interp", "interp"},
        {"--kernel k --state-hash-at 5,5", "ascending"},
        {"--kernel k --state-hash-at 5,", "ascending"},
        {"--kernel k --state-hash-at 5;6", "ascending"},
        {"--kernel k --state-hash-at 0", "ascending"},
        {"--kernel k --host-features v3", "x86-64-v2 x86-64-v3 x86-64-v4 native"},
        {"--kernel k --jit-cache 1M", "2M to 1G"},
        {"--kernel k --jit-cache 2G", "2M to 1G"},
        {"--kernel k --jit-cache 33554432", "2M to 1G"},
        {"--kernel k --jit-dump ~", "name"},
        {"--kernel k --jit-dump d --engine interp", "--jit-dump"},
        {"--kernel k --jit-statistics --engine interp", "--jit-statistics"},
        {"--kernel k --perf-map --engine interp", "--perf-map"},
        {"--kernel k --clock real", "virtual"},
        {"--kernel k --disk ~", "file"},
        {"--kernel k --disk ,ro", "file"},
        {"--kernel k --share work", "directory"},
        {"--kernel k --share =/tmp", "tag"},
        {"--kernel k --share work=", "directory"},
        {"--kernel k --share work=,ro", "directory"},
        {"--kernel k --share a23456789012345678901234567890123=/tmp", "tag"},
        {"--kernel k --share a=/tmp --share a=/srv", "twice"},
        {"--kernel k --net tap", "user"},
        {"--kernel k --net user,", "hostfwd"},
        {"--kernel k --net user,hostfwd=tcp:22", "hostfwd"},
        {"--kernel k --net user,hostfwd=sctp:1:2", "hostfwd"},
        {"--kernel k --net user,hostfwd=tcp:0:22", "hostfwd"},
        {"--kernel k --net user,hostfwd=tcp:22:65536", "hostfwd"},
        {"--kernel k --net user,hostfwd=tcp:1.2.3:22:22", "hostfwd"},
        {"--kernel k --net user,hostfwd=tcp:1.2.3.4:22:22:22", "hostfwd"},
        {"--kernel k --serial tty", "stdio"},
        {"--kernel k --serial file:", "file:PATH"},
        {"--kernel k --serial unix:", "unix:PATH"},
        {"--kernel k --console stdio", "--serial none"},
        {"--kernel k --seed -1", "number"},
        {"--kernel k --seed 0x", "number"},
        {"--kernel k --seed 18446744073709551616", "number"},
        {"--kernel k --timeout 60", "unit"},
        {"--kernel k --timeout 0s", "unit"},
        {"--kernel k --timeout 99999999999h", "unit"},
        {"--kernel k --dtb d --dump-dtb e", "--dtb"},
        {"--kernel k --bus isa", "mmio pci"},
        {"--firmware ~", "name"},
        {"--kernel k --firmware-vars v", "--firmware too"},
        {"--firmware f --firmware-vars v --record r", "--firmware-vars"},
        {"--restore s --firmware f", "--firmware"},
        {"--restore s --bus pci", "--bus"},
        {"--kernel k --gic 4", "3 2"},
        {"--kernel k --gic 2 --cpus 9", "up to 8"},
        {"--restore s --gic 2", "--gic"},
        {"--kernel k --el2 --hostcall f", "--el2"},
        {"--restore s --el2", "--el2"},
        {"--incoming tcp:h:1 --gic 2", "--gic"},
    };
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (parse(refused[i][0]))
            fail_msg("accepted: %s", refused[i][0]);
        if (!strstr(error.text, refused[i][1]) || strchr(error.text, '\n'))
            fail_msg("%s: the message is: %s", refused[i][0], error.text);
    }
}

static void test_limits(void **state)
{
    assert_true(parse("--kernel k --memory 16M --cpus 64 --seed 18446744073709551615 --timeout 1ms"));
    assert_true(parse("--kernel k --memory 64G --console stdio --serial none"));
    assert_int_equal(options.memory_bytes, 64ull << 30);
    assert_true(parse("--dump-dtb out.dtb"));
    assert_true(parse("--kernel k --gic 2 --cpus 8"));
    assert_int_equal(options.gic, GIC_VERSION_2);
    assert_true(parse("--kernel k"));
    assert_int_equal(options.gic, GIC_VERSION_3);

    char many[1024] = "--kernel k";
    for (unsigned i = 0; i < MAX_DISKS; i++)
        strcat(many, " --disk d");
    assert_true(parse(many));
    strcat(many, " --disk d");
    assert_false(parse(many));
}

/* Every option stands in the help, in the manual and in the completion. */
static void test_texts(void **state)
{
    void (*const writers[])(FILE *) = {help_run, help_manual, help_completion};
    for (unsigned w = 0; w < 3; w++) {
        char *text;
        size_t length;
        FILE *to = open_memstream(&text, &length);
        writers[w](to);
        fclose(to);
        const struct cli_option *option;
        for (unsigned i = 0; (option = cli_option_at(i)); i++) {
            char name[64];
            snprintf(name, sizeof name, w == 1 ? "\\-\\-%s" : "--%s", option->name + 2);
            if (w == 1)
                for (char *dash = name + 4; (dash = strchr(dash, '-')); dash += 2) {
                    memmove(dash + 1, dash, strlen(dash) + 1);
                    *dash = '\\';
                }
            if (!strstr(text, name))
                fail_msg("text %u has no %s", w, name);
        }
        if (w == 0)
            for (char *at = text; *at; at += strcspn(at, "\n") + 1)
                assert_true(strcspn(at, "\n") <= 80);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything), cmocka_unit_test(test_description),
        cmocka_unit_test(test_replay),   cmocka_unit_test(test_firmware),   cmocka_unit_test(test_translation),
        cmocka_unit_test(test_net),      cmocka_unit_test(test_vsock),
        cmocka_unit_test(test_limits_of_the_host),
        cmocka_unit_test(test_cd_before_disk),
        cmocka_unit_test(test_share),      cmocka_unit_test(test_calls),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_limits),     cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
