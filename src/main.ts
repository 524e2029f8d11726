// argv in, exit code out: the only file that touches the process.
process.exitCode = 0
