# What a child does between clone(2) and execve(2): the system calls of a list, one after another. x86-64.
# int64_t (int64_t flags, void *stack_top, struct record *list, int64_t status[2]); answers clone's result.
# struct record { int64_t number, arguments[6], *store; }
# The bytes of x86_64.ts's childCode are this file's; a test assembles it again.
.intel_syntax noprefix
	push rbx
	push r12
	mov rbx, rdx
	mov r12, rcx
	xor edx, edx
	xor r10d, r10d
	xor r8d, r8d
	mov eax, 56			# clone
	syscall
	test rax, rax
	jz child
	pop r12
	pop rbx
	ret
child:
	mov rax, [rbx]
	cmp rax, -1			# -1: the text of the child's own pid
	je pid
	xor r13d, r13d
	btr rax, 30			# bit 30: a failure does not matter
	setc r13b
	mov rdi, [rbx + 8]
	mov rsi, [rbx + 16]
	mov rdx, [rbx + 24]
	mov r10, [rbx + 32]
	mov r8, [rbx + 40]
	mov r9, [rbx + 48]
	syscall
	cmp rax, -4095
	jae failed
	mov rcx, [rbx + 56]
	test rcx, rcx
	jz next
	mov [rcx], rax
next:
	add rbx, 64
	jmp child
failed:
	test r13d, r13d
	jnz next
	mov [r12], rax			# the negated errno
	mov [r12 + 8], rbx		# and whose it is
	mov edi, 127
	mov eax, 231			# exit_group
	syscall
pid:
	mov eax, 39			# getpid
	syscall
	mov rdi, [rbx + 8]		# where the last digit goes
	mov ecx, 10
digit:
	xor edx, edx
	div ecx
	add dl, 48
	mov [rdi], dl
	dec rdi
	test eax, eax
	jnz digit
	mov rsi, [rbx + 16]		# the last byte of what stands before the digits
	mov rcx, [rbx + 24]		# its length
	std
	rep movsb
	cld
	inc rdi
	mov rax, [rbx + 32]		# where the address of the whole goes
	mov [rax], rdi
	jmp next
