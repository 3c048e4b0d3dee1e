// The engine's memory: one region that grows at its end, and a list of free blocks for each size. musl's malloc makes 73
// mmap calls while the engine starts, which is more than all that fdinit does then. Blocks of one size are used again for
// that size only, which holds for an engine that makes the same few kinds of objects for as long as it lives.

#include <string.h>
#include <sys/mman.h>

#include "quickjs.h"

/** In front of every block: its size class, or the length of a mapping of its own. */
typedef struct { size_t size; } Header;
typedef struct Free { struct Free *next; } Free;

enum {
	STEP = 16,		// sizes up to SMALL differ by this
	SMALL = 1024,
	LARGE = 256 * 1024,	// from here on a block is a mapping of its own, and goes back to the kernel
	FIRST = 512 * 1024,	// more than any plain start needs
	TOUCHED = 320 * 1024, POPULATE_WRITE = 23,	// less than any start needs; MADV_POPULATE_WRITE, Linux 5.14
	MORE = 1024 * 1024,
	CLASSES = SMALL / STEP + 4 * 8 + 1,
};

static _Alignas(4096) unsigned char first[FIRST];
static unsigned char *next = first, *end = first + FIRST;
static Free *freed[CLASSES];

/** Rounds up to what is given for a size: multiples of STEP, above SMALL quarters of powers of two. Answers the class. */
static unsigned class_of(size_t *size)
{
	if (*size <= SMALL) {
		size_t steps = (*size + STEP - 1) / STEP;
		*size = steps * STEP;
		return steps;
	}
	unsigned power = 63 - __builtin_clzl(*size - 1);
	size_t quarter = (size_t)1 << (power - 2);
	size_t quarters = (*size - 1) / quarter - 3;	// 1 to 4 above the power
	*size = ((size_t)1 << power) + quarters * quarter;
	return SMALL / STEP + (power - 10) * 4 + quarters;
}

#define MAP(size) mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)

static void *allocate(size_t size)
{
	size += size == 0;
	if (size > LARGE) {
		Header *block = MAP(size + sizeof(Header));
		if (block == MAP_FAILED)
			return NULL;
		block->size = size;
		return block + 1;
	}
	unsigned class = class_of(&size);
	Free *found = freed[class];
	if (found) {
		freed[class] = found->next;
		return found;
	}
	if (size + sizeof(Header) > (size_t)(end - next)) {
		unsigned char *more = MAP(MORE);
		if (more == MAP_FAILED)
			return NULL;
		next = more;
		end = more + MORE;
	}
	Header *block = (Header *)next;
	next += sizeof(Header) + size;
	block->size = size;
	return block + 1;
}

/** The pages that every start writes to, by one call instead of a page fault for each; an older kernel refuses, and they come by faults. */
void arena_populate(void) { madvise(first, TOUCHED, POPULATE_WRITE); }

static void *arena_malloc(JSMallocState *state, size_t size)
{
	void *got = state->malloc_size + size > state->malloc_limit ? NULL : allocate(size);
	if (got) {
		state->malloc_count++;
		state->malloc_size += ((Header *)got - 1)->size;
	}
	return got;
}

static void arena_free(JSMallocState *state, void *pointer)
{
	if (!pointer)
		return;
	Header *block = (Header *)pointer - 1;
	size_t size = block->size;
	state->malloc_count--;
	state->malloc_size -= size;
	if (size > LARGE) {
		munmap(block, size + sizeof(Header));
		return;
	}
	unsigned class = class_of(&size);
	((Free *)pointer)->next = freed[class];
	freed[class] = pointer;
}

static void *arena_realloc(JSMallocState *state, void *pointer, size_t size)
{
	size_t before = pointer ? ((Header *)pointer - 1)->size : 0;
	if (size <= before && size > before / 2)
		return pointer;
	void *moved = size ? arena_malloc(state, size) : NULL;
	if (moved && pointer)
		memcpy(moved, pointer, size < before ? size : before);
	if (moved || size == 0)
		arena_free(state, pointer);
	return moved;
}

static size_t arena_size(const void *pointer)
{
	return ((const Header *)pointer - 1)->size;
}

const JSMallocFunctions arena = { arena_malloc, arena_free, arena_realloc, arena_size };
