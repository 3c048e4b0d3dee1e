// A tool of the build: JavaScript to QuickJS's bytecode, without what names lines, by the same library that will read it.
//
//   compile SOURCE.js OUTPUT

#include <stdio.h>
#include <stdlib.h>

#include "quickjs.h"

static char *contents(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) != 0)
		return NULL;
	*length = ftell(file);
	rewind(file);
	char *text = calloc(1, *length + 1);
	if (text && fread(text, 1, *length, file) != *length)
		return NULL;
	fclose(file);
	return text;
}

int main(int argc, char **argv)
{
	size_t length = 0;
	char *text = argc == 3 ? contents(argv[1], &length) : NULL;
	if (!text)
		return fprintf(stderr, "compile SOURCE.js OUTPUT\n"), 2;
	JSRuntime *runtime = JS_NewRuntime();
	JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
	JSContext *ctx = JS_NewContext(runtime);
	JSValue code = JS_Eval(ctx, text, length, argv[1], JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
	if (JS_IsException(code)) {
		JSValue exception = JS_GetException(ctx);
		fprintf(stderr, "%s\n", JS_ToCString(ctx, exception));
		return 1;
	}
	uint8_t *bytes = JS_WriteObject(ctx, &length, code, JS_WRITE_OBJ_BYTECODE);
	FILE *output = fopen(argv[2], "wb");
	if (!bytes || !output || fwrite(bytes, 1, length, output) != length || fclose(output) != 0)
		return fprintf(stderr, "cannot write %s\n", argv[2]), 1;
	return 0;
}
