/** What of this machine an attempt is after, as variables of its script. */
export interface Surroundings {
  /** The server's data folder. */
  readonly DATA: string;
  /** Its unix socket. */
  readonly SERVER_SOCKET: string;
  /** The home directory of the server's user. */
  readonly HOME_FOLDER: string;
  readonly PROJECT: string;
  /** A project of somebody else. */
  readonly OTHER: string;
  /** A process outside, of the same user, with SECRET in its environment. */
  readonly OUTSIDE: string;
  /** Ports and sockets that the test itself listens on. */
  readonly PORT: string;
  readonly ABSTRACT: string;
  readonly TEMPORARY_SOCKET: string;
  readonly HOME_SOCKET: string;
  /** A file of root that only root may read, and a setuid program of root that prints a file. */
  readonly ROOT_FILE: string;
  readonly SETUID_CAT: string;
}

/** Where an attempt must succeed outside of a sandbox, so that it is known to be one: for root, for every user, or nowhere for sure. */
export type Control = 'root' | 'user' | 'both' | 'none';

/** One attempt to get out of a sandbox, or to read what is none of a command's business; its script ends with 0 when it got it. */
export interface Attempt {
  /** The words of its row in SPEC {#sandbox_held}. */
  readonly tries: string;
  readonly script: string;
  readonly control: Control;
}

/** A script of perl, which is on every Debian; it has no single quotes in it. */
const perl = (text: string) => `perl -MSocket -e '${text}'`;
const dial = (address: string) => perl(`socket(my $s, AF_UNIX, SOCK_STREAM, 0) or exit 1; connect($s, ${address}) or exit 1;`);
const machine = 'my $arm = (POSIX::uname())[4] eq "aarch64";';

export const ATTEMPTS: readonly Attempt[] = [
  {
    tries: 'use a file that was left open for the server',
    script: perl('opendir(my $d, "/proc/self/fd"); for (readdir $d) { exit 0 if /^\\d+$/ && $_ > 2 && $_ != fileno($d) } exit 1'),
    control: 'both',
  },
  { tries: "read the server's token in the data folder", script: 'cat "$DATA/token"', control: 'both' },
  {
    tries: 'read the token by way of /proc/PID/root',
    script: 'for each in /proc/[0-9]*; do cat "$each/root$DATA/token" && exit 0; done; exit 1',
    control: 'both',
  },
  { tries: "connect to the server's unix socket", script: dial('pack_sockaddr_un($ENV{SERVER_SOCKET})'), control: 'both' },
  { tries: "read a key in the server's own variables", script: 'env | grep -q SECRET', control: 'both' },
  { tries: 'read the variables of a process outside', script: 'cat /proc/[0-9]*/environ | grep -aq SECRET', control: 'both' },
  { tries: 'read the memory of a process outside', script: ': < "/proc/$OUTSIDE/mem"', control: 'root' },
  {
    tries: 'trace a process outside',
    // PTRACE_ATTACH; the process goes on when its tracer ends.
    script: `perl -MPOSIX -e '${machine} exit(syscall($arm ? 117 : 101, 16, $ENV{OUTSIDE} + 0, 0, 0) < 0)'`,
    control: 'root',
  },
  { tries: 'signal a process outside', script: 'kill -0 "$OUTSIDE"', control: 'both' },
  { tries: 'enter the namespaces of a process outside', script: 'nsenter -t "$OUTSIDE" -m -n true', control: 'root' },
  { tries: 'read ~/.ssh', script: 'cat "$HOME_FOLDER/.ssh/id_ed25519"', control: 'both' },
  { tries: 'read /etc/shadow', script: 'grep -q . /etc/shadow', control: 'root' },
  { tries: "read another project's files", script: 'cat "$OTHER/notes"', control: 'both' },
  {
    tries: 'reach a port of this machine',
    script: perl('socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($ENV{PORT}, inet_aton("127.0.0.1"))) or exit 1;'),
    control: 'both',
  },
  { tries: 'see another network than its own loopback', script: 'tail -n +3 /proc/net/dev | grep -qv "^ *lo:"', control: 'none' },
  { tries: 'connect to an abstract unix socket', script: dial('pack_sockaddr_un("\\0$ENV{ABSTRACT}")'), control: 'both' },
  { tries: 'connect to a unix socket in /tmp', script: dial('pack_sockaddr_un($ENV{TEMPORARY_SOCKET})'), control: 'both' },
  { tries: "find a socket in /run, such as Docker's", script: 'find /run /var/run -type s | grep -q .', control: 'none' },
  { tries: 'connect to a unix socket in another folder', script: dial('pack_sockaddr_un($ENV{HOME_SOCKET})'), control: 'both' },
  { tries: 'write into /etc', script: ': > "/etc/headgate-attempt-$OUTSIDE" && rm "/etc/headgate-attempt-$OUTSIDE"', control: 'root' },
  { tries: 'write into the home directory', script: ': > "$HOME_FOLDER/written" && rm "$HOME_FOLDER/written"', control: 'both' },
  {
    tries: "write into the project's .git",
    script: ': > "$PROJECT/.git/hooks/post-checkout" && rm "$PROJECT/.git/hooks/post-checkout"',
    control: 'both',
  },
  {
    tries: 'put a hook into a repository further down',
    script: ': > "$PROJECT/sub/.git/hooks/post-checkout" && rm "$PROJECT/sub/.git/hooks/post-checkout"',
    control: 'both',
  },
  { tries: 'write into the project', script: ': > "$PROJECT/written" && rm "$PROJECT/written"', control: 'both' },
  {
    tries: 'write to a setting of the kernel in /proc or /sys',
    script:
      "find /proc /sys -path '/proc/[0-9]*' -prune -o -type f -writable -print 2> /dev/null | grep -v '^/proc/\\(self\\|thread-self\\)' | grep -q .",
    control: 'root',
  },
  { tries: 'open /proc/sysrq-trigger', script: ': >> /proc/sysrq-trigger', control: 'none' },
  { tries: 'read /proc/kcore', script: 'head -c 1 /proc/kcore | grep -q .', control: 'none' },
  {
    tries: 'mount something',
    script: 'unshare -m mount -t tmpfs none "$PROJECT/sub" || unshare -Urm mount -t tmpfs none "$PROJECT/sub"',
    control: 'root',
  },
  {
    tries: 'uncover the data folder',
    script: 'unshare -Urm sh -c "umount -l \\"\\$DATA\\"; cat \\"\\$DATA/token\\"" || cat "$DATA/token"',
    control: 'both',
  },
  { tries: 'make a namespace in which it has rights', script: 'unshare -U true', control: 'root' },
  { tries: 'make a device file', script: 'mknod "$PROJECT/device" c 1 3 && rm "$PROJECT/device"', control: 'root' },
  {
    tries: 'find a disk, or the memory, in /dev',
    script: 'find /dev -type b -o -name mem -o -name kmsg -o -name kvm | grep -q .',
    control: 'none',
  },
  { tries: 'read a file in /dev/shm that another program put there', script: 'find /dev/shm -type f | grep -q .', control: 'both' },
  { tries: 'gain the rights of a setuid program', script: 'test "$(id -u)" != 0 && "$SETUID_CAT" "$ROOT_FILE"', control: 'user' },
  {
    tries: "read a key in the server's session keyring",
    // KEYCTL_SEARCH in the session's keyring.
    script: `perl -MPOSIX -e '${machine} my ($t, $d) = ("user\\0", "headgate-attempt\\0"); exit(syscall($arm ? 219 : 250, 10, -3, $t, $d, 0) < 0)'`,
    control: 'both',
  },
];
