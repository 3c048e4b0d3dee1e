// What a child does between clone(2) and execve(2): the system calls of a list, one after another. arm64.
// int64_t (int64_t flags, void *stack_top, struct record *list, int64_t status[2]); answers clone's result.
// struct record { int64_t number, arguments[6], *store; }
// The bytes of aarch64.ts's childCode are this file's; a test assembles it again.
	mov x9, x2
	mov x10, x3
	mov x2, xzr
	mov x3, xzr
	mov x4, xzr
	mov x8, #220			// clone
	svc #0
	cbz x0, child
	ret
child:
	ldr x8, [x9]
	cmn x8, #1			// -1: the text of the child's own pid
	b.eq pid
	and x11, x8, #0x40000000	// bit 30: a failure does not matter
	and x8, x8, #0x3fffffff
	ldp x0, x1, [x9, #8]
	ldp x2, x3, [x9, #24]
	ldp x4, x5, [x9, #40]
	svc #0
	cmn x0, #4095
	b.hs failed
	ldr x12, [x9, #56]
	cbz x12, next
	str x0, [x12]
next:
	add x9, x9, #64
	b child
failed:
	cbnz x11, next
	stp x0, x9, [x10]		// the negated errno, and whose it is
	mov x0, #127
	mov x8, #94			// exit_group
	svc #0
pid:
	mov x8, #172			// getpid
	svc #0
	ldp x1, x2, [x9, #8]		// where the last digit goes; the last byte of what stands before the digits
	ldp x3, x4, [x9, #24]		// its length; where the address of the whole goes
	mov x5, #10
digit:
	udiv x6, x0, x5
	msub x7, x6, x5, x0
	add x7, x7, #48
	strb w7, [x1], #-1
	mov x0, x6
	cbnz x0, digit
prefix:
	cbz x3, done
	ldrb w7, [x2], #-1
	strb w7, [x1], #-1
	sub x3, x3, #1
	b prefix
done:
	add x1, x1, #1
	str x1, [x4]
	b next
