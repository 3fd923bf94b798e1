"""Settings of the C library's memory allocator."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Numbers of the parameters in glibc's malloc.h."""
INT_MAX = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep large freed blocks in the process, for the next batch, instead of returning them to the system.

    Training on a CPU allocates and frees the same large tensors in each step. By default glibc maps each of them anew,
    and the kernel has to clear it page by page. Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, INT_MAX)
