// Made from src/backends/shim/window-size.sh by npm run docs.
/** Sets the size in pixels of the terminal that is standard input, which stty cannot. */
export const WINDOW_SIZE_SH = `# Sets the size in pixels of the terminal that is standard input, which stty cannot.\nheadgate_pixels() {\n  [ $# -eq 4 ] && perl -e 'exit !ioctl(STDIN, 0x5414, pack("S4", @ARGV))' "$@" 2> /dev/null\n}\n`;
