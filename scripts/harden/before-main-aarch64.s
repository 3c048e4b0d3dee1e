// What runs before anything of Bun's: can the address space that the engine needs be had? Assembled in before-main.ts.
// Entered as _start is (AAPCS64): sp at argc, x0 the function to register with atexit(3).
    mov     x19, x0
    // mmap(NULL, needed, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0): RLIMIT_AS
    ldr     x1, needed
    mov     x2, #0
    mov     x3, #0x4022
    bl      probe
    // mmap(NULL, written, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0): RLIMIT_DATA, overcommit_memory=2
    ldr     x1, written
    mov     x2, #3
    mov     x3, #0x22
    bl      probe
    // mmap(NULL, 1, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0): PR_SET_MDWE, SELinux's execmem
    mov     x1, #1
    mov     x2, #7
    mov     x3, #0x22
    bl      probe
    mov     x0, x19
    mov     x30, #0
    ldr     x16, entry
    br      x16
probe:
    mov     x20, x1
    mov     x0, #0
    mov     x4, #-1
    mov     x5, #0
    mov     x8, #222            // SYS_mmap
    svc     #0
    cmn     x0, #4095
    b.hs    refuse
    mov     x1, x20
    mov     x8, #215            // SYS_munmap
    svc     #0
    ret
refuse:
    mov     x0, #2
    adr     x1, message
    ldr     x2, length
    mov     x8, #64             // SYS_write
    svc     #0
    mov     x0, #70             // EX_SOFTWARE
    mov     x8, #94             // SYS_exit_group
    svc     #0
    .balign 8
entry:      // filled in by before-main.ts
    .set needed, entry + 8
    .set written, entry + 16
    .set length, entry + 24
    .set message, entry + 32
