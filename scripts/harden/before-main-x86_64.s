# What runs before anything of Bun's: can the address space that the engine needs be had? Assembled in before-main.ts.
# Entered as _start is (System V ABI, x86-64): rsp at argc, rdx the function to register with atexit(3).
    push    %rdx
    # mmap(NULL, needed, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0): RLIMIT_AS
    xor     %edx, %edx
    mov     $0x4022, %r10d
    mov     needed(%rip), %rsi
    call    probe
    # mmap(NULL, written, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0): RLIMIT_DATA, overcommit_memory=2
    mov     $3, %edx
    mov     $0x22, %r10d
    mov     written(%rip), %rsi
    call    probe
    # mmap(NULL, 1, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0): PR_SET_MDWE, SELinux's execmem
    mov     $7, %edx
    mov     $0x22, %r10d
    mov     $1, %esi
    call    probe
    pop     %rdx
    mov     entry(%rip), %rax
    jmp     *%rax
probe:
    mov     $9, %eax            # SYS_mmap
    xor     %edi, %edi
    mov     $-1, %r8
    xor     %r9d, %r9d
    syscall
    cmp     $-4095, %rax
    jae     refuse
    mov     %rax, %rdi
    mov     $11, %eax           # SYS_munmap
    syscall
    ret
refuse:
    mov     $1, %eax            # SYS_write
    mov     $2, %edi
    lea     message(%rip), %rsi
    mov     length(%rip), %rdx
    syscall
    mov     $231, %eax          # SYS_exit_group
    mov     $70, %edi           # EX_SOFTWARE
    syscall
    .balign 8
entry:      # filled in by before-main.ts
needed  = entry + 8
written = entry + 16
length  = entry + 24
message = entry + 32
