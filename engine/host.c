// The host of the static executable: it starts QuickJS without its parser, gives the bundle a way to the kernel, and runs
// it. Everything fdinit decides is TypeScript; here is only what JavaScript cannot do.

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "quickjs.h"

extern char **environ;
extern const JSMallocFunctions arena; extern void arena_populate(void); /* memory.c */

/** The bundles as bytecode (scripts/static/link.ts): the first is main's, the others are asked for by their number. */
extern const struct { const uint8_t *bytes, *end; } bundles[];

static int64_t integer(JSContext *ctx, JSValueConst value)
{
	int64_t result = 0;
	return JS_ToInt64Ext(ctx, &result, value), result;
}

#define UNUSED __attribute__((unused))
#define FUNCTION(name) static JSValue name(JSContext *ctx, UNUSED JSValueConst self, UNUSED int argc, UNUSED JSValueConst *argv)

/** Every system call of fdinit. musl's syscall(2) answers -1 and sets errno; JavaScript wants the kernel's own answer. */
FUNCTION(host_syscall)
{
	long word[7];
	for (int i = 0; i < 7; i++)
		word[i] = integer(ctx, argv[i]);
	long result = syscall(word[0], word[1], word[2], word[3], word[4], word[5], word[6]);
	return JS_NewInt64(ctx, result == -1 ? -errno : result);
}

/** The bytes of a typed array, which QuickJS never moves. */
static uint8_t *bytes_of(JSContext *ctx, JSValueConst array, size_t *length)
{
	size_t offset = 0, whole = 0;
	JSValue buffer = JS_GetTypedArrayBuffer(ctx, array, &offset, length, NULL);
	uint8_t *start = JS_IsException(buffer) ? NULL : JS_GetArrayBuffer(ctx, &whole, buffer);
	JS_FreeValue(ctx, buffer);
	return start ? start + offset : NULL;
}

/** System calls are given addresses. */
FUNCTION(host_address)
{
	size_t length;
	return JS_NewInt64(ctx, (int64_t)(uintptr_t)bytes_of(ctx, argv[0], &length));
}

static JSValue copied(JSContext *ctx, const uint8_t *bytes, size_t length)
{
	JSValue words[3] = { JS_NewArrayBufferCopy(ctx, bytes, length), JS_UNDEFINED, JS_UNDEFINED };
	JSValue array = JS_NewTypedArray(ctx, 3, words, JS_TYPED_ARRAY_UINT8);
	JS_FreeValue(ctx, words[0]);
	return array;
}

/** Arguments and variables stand on the stack, where execve(2) put them. */
FUNCTION(host_bytes_at)
{
	const uint8_t *text = (const uint8_t *)(uintptr_t)integer(ctx, argv[0]);
	return copied(ctx, text, strlen((const char *)text));
}

/** The vectors of arguments, variables and auxiliary values are arrays of 64-bit words. */
FUNCTION(host_integer_at)
{
	int64_t value;
	memcpy(&value, (const char *)(uintptr_t)integer(ctx, argv[0]) + integer(ctx, argv[1]), sizeof value);
	return JS_NewInt64(ctx, value);
}

/** Which of two variables of one name counts is libc's to say, as for any other program. */
FUNCTION(host_getenv)
{
	return JS_NewInt64(ctx, (int64_t)(uintptr_t)getenv((const char *)(uintptr_t)integer(ctx, argv[0])));
}

/** UTF-8 of a text; half a surrogate pair, three bytes as QuickJS has it, is U+FFFD as everywhere else. */
FUNCTION(host_encode)
{
	size_t length;
	const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
	if (!text)
		return JS_EXCEPTION;
	JSValue array = copied(ctx, (const uint8_t *)text, length);
	JS_FreeCString(ctx, text);
	uint8_t *bytes = bytes_of(ctx, array, &length);
	for (size_t at = 0; bytes && at + 2 < length; at++)
		if (bytes[at] == 0xed && bytes[at + 1] >= 0xa0)
			memcpy(bytes + at, "\xef\xbf\xbd", 3);
	return array;
}

/** A text of ASCII, which nearly all are; undefined tells JavaScript to decode the rest. */
FUNCTION(host_decode)
{
	size_t length;
	const uint8_t *bytes = bytes_of(ctx, argv[0], &length);
	for (size_t at = 0; at < length; at++)
		if (bytes[at] >= 0x80)
			return JS_UNDEFINED;
	return JS_NewStringLen(ctx, (const char *)bytes, length);
}

/** One system call of a child's list: init/sys/processes/child.ts. */
struct record {
	int64_t number, word[6], *store;
};
enum { PID_TEXT = -1, MAY_FAIL = 1 << 30, CHILD_STACK = 16384, EXIT_SOFTWARE = 70 };

/** The text NAME=pid: the digits from the last one back, then the name before them. */
static void put_pid_text(const struct record *record)
{
	char *last = (char *)(uintptr_t)record->word[0];
	for (long pid = syscall(SYS_getpid); pid > 0; pid /= 10)
		*last-- = '0' + pid % 10;
	last -= record->word[2] - 1;
	memcpy(last, (const char *)(uintptr_t)record->word[1] + 1 - record->word[2], record->word[2]);
	*(char **)(uintptr_t)record->word[3] = last;
}

/** A call that a seccomp filter traps answers ENOSYS: the register that holds the result. */
static void answer_trap(UNUSED int signal, UNUSED siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#ifdef __x86_64__
	machine->gregs[REG_RAX] = -ENOSYS;
#else
	machine->regs[0] = -ENOSYS;
#endif
}

/** While fdinit finds out what it may call, before it blocks SIGSYS, a trapped call does not end it. */
FUNCTION(host_answer_traps)
{
	static struct sigaction before;
	struct sigaction answering = { .sa_sigaction = answer_trap, .sa_flags = SA_SIGINFO };
	int failed = JS_ToBool(ctx, argv[0]) ? sigaction(SIGSYS, &answering, &before) : sigaction(SIGSYS, &before, NULL);
	return JS_NewInt32(ctx, failed);
}

/** Runs in the child, in this process's memory, until execve(2): so it calls nothing but the kernel. */
static int child(void *list)
{
	struct record **both = list;
	int64_t *status = (int64_t *)both[1];
	for (struct record *record = both[0];; record++) {
		if (record->number == PID_TEXT) {
			put_pid_text(record);
			continue;
		}
		int64_t *word = record->word;
		long result = syscall(record->number & ~MAY_FAIL, word[0], word[1], word[2], word[3], word[4], word[5]);
		if (result != -1) {
			if (record->store)
				*record->store = result;
		} else if (!(record->number & MAY_FAIL)) {
			status[0] = -errno;
			status[1] = (int64_t)(uintptr_t)record;
			_exit(127);
		}
	}
}

/** A child that shares memory until it is a program: what posix_spawn(3) does, with a list of our own. */
FUNCTION(host_carry_out)
{
	static _Alignas(16) char stack[CHILD_STACK];
	void *both[2] = { (void *)(uintptr_t)integer(ctx, argv[0]), (void *)(uintptr_t)integer(ctx, argv[1]) };
	int pid = clone(child, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, both);
	return JS_NewInt32(ctx, pid < 0 ? -errno : pid);
}

/** A bundle's function, from bytecode that is read at the first request. Parsers and reports (2) and several services (3) need more of the language than a start. */
FUNCTION(host_bundle)
{
	static int has_more;
	int64_t which = integer(ctx, argv[0]);
	if ((which == 2 || which == 3) && !has_more++) {
		JS_AddIntrinsicDate(ctx);
		JS_AddIntrinsicProxy(ctx);
		JS_AddIntrinsicPromise(ctx);
		JS_AddIntrinsicWeakRef(ctx);
		JS_AddIntrinsicRegExpCompiler(ctx);
	}
	JSValue code = JS_ReadObject(ctx, bundles[which].bytes, bundles[which].end - bundles[which].bytes, JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
	return JS_IsException(code) ? code : JS_EvalFunction(ctx, code);
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("syscall", 7, host_syscall),
	JS_CFUNC_DEF("address", 1, host_address),
	JS_CFUNC_DEF("bytesAt", 1, host_bytes_at),
	JS_CFUNC_DEF("integerAt", 2, host_integer_at),
	JS_CFUNC_DEF("getenv", 1, host_getenv),
	JS_CFUNC_DEF("carryOut", 2, host_carry_out),
	JS_CFUNC_DEF("answerTraps", 1, host_answer_traps),
	JS_CFUNC_DEF("encode", 1, host_encode),
	JS_CFUNC_DEF("decode", 1, host_decode),
	JS_CFUNC_DEF("bundle", 1, host_bundle),
};

/** The memory that the start has filled in and nothing changes afterwards (PT_GNU_RELRO): musl leaves it writable in a static program. */
static void protect_relocated(void)
{
	extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
	const char *base = (const char *)&__ehdr_start;
	const Elf64_Phdr *header = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
	while (header->p_type != PT_GNU_RELRO)
		header++;
	uintptr_t page = getpagesize(), start = (uintptr_t)base + header->p_vaddr;
	uintptr_t from = start & -page, to = (start + header->p_memsz) & -page;
	mprotect((void *)from, to - from, PROT_READ);
}

int main(void)
{
	protect_relocated();
	arena_populate();
	JSRuntime *runtime = JS_NewRuntime2(&arena, NULL);
	JSContext *ctx = runtime ? JS_NewContextRaw(runtime) : NULL;
	if (!ctx)
		return dprintf(STDERR_FILENO, "fdinit: the engine cannot start: no memory\n"), EXIT_SOFTWARE;
	JS_SetGCThreshold(runtime, 1024 * 1024);
	JS_AddIntrinsicBaseObjects(ctx);
	JS_AddIntrinsicRegExp(ctx);
	JS_AddIntrinsicJSON(ctx);
	JS_AddIntrinsicMapSet(ctx);
	JS_AddIntrinsicTypedArrays(ctx);
	JSValue host = JS_NewObject(ctx), which = JS_NewInt32(ctx, 0);
	JS_SetPropertyFunctionList(ctx, host, functions, sizeof functions / sizeof functions[0]);
	JS_SetPropertyStr(ctx, host, "environ", JS_NewInt64(ctx, (int64_t)(uintptr_t)environ));
	JSValue bundle = host_bundle(ctx, JS_UNDEFINED, 1, &which);
	if (JS_IsException(bundle) || JS_IsException(JS_Call(ctx, bundle, JS_UNDEFINED, 1, &host)))
		dprintf(STDERR_FILENO, "fdinit: internal error, please report it: %s\n", JS_ToCString(ctx, JS_GetException(ctx)));
	return EXIT_SOFTWARE; // fdinit has not ended itself
}
