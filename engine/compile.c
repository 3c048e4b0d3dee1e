// A tool of the build: JavaScript to QuickJS's bytecode, without what names lines, by the same library that will read it.
// compile SOURCE.js OUTPUT

#include <stdio.h>

#include "quickjs.h"

static char text[16 << 20];

#define FAILED(what) (fprintf(stderr, "compile: %s\n", what), 1)

int main(int argc, char **argv)
{
	FILE *source = argc == 3 ? fopen(argv[1], "rb") : NULL;
	size_t length = source ? fread(text, 1, sizeof text - 1, source) : 0;
	if (length == 0 || length == sizeof text - 1)
		return FAILED("SOURCE.js OUTPUT: the source cannot be read");
	JSRuntime *runtime = JS_NewRuntime();
	JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
	JSContext *ctx = JS_NewContext(runtime);
	JSValue code = JS_Eval(ctx, text, length, argv[1], JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
	if (JS_IsException(code))
		return FAILED(JS_ToCString(ctx, JS_GetException(ctx)));
	uint8_t *bytes = JS_WriteObject(ctx, &length, code, JS_WRITE_OBJ_BYTECODE);
	FILE *output = fopen(argv[2], "wb");
	if (!bytes || !output || fwrite(bytes, 1, length, output) != length || fclose(output) != 0)
		return FAILED("the output cannot be written");
	return 0;
}
