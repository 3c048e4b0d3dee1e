// The least that a compiled Bun program can do, and what fdinit's own start is measured against.

process.exit(0);
