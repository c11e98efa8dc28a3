#include "sandbox/alone.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A file system of nothing in place of everything.  The descriptors that are open stay
 * good, also that of a folder. */
static bool leave_files(void)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;

    if (unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=1,mode=555") != 0 ||
        chdir("/proc") != 0)
        return false;
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
    return chroot(".") == 0; /* where the root is an initramfs */
}

bool alone_enter(const struct alone_want *want)
{
    bool good = want->network || unshare(CLONE_NEWNET) == 0;

    good = unshare(CLONE_NEWIPC) == 0 && good;
    good = unshare(CLONE_NEWUTS) == 0 && good;
    return (want->files || leave_files()) && good;
}
