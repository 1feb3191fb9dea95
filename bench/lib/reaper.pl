# reaper.pl REPORT PROGRAM [ARGUMENT]...: runs the program, adopts what its processes leave behind, and waits for all of it. What
# a process used is added to its parent's counts when that one waits for it, so nothing in this tree is forgotten. SIGTERM
# goes to the program. At the end of the last process its counts are in the file REPORT.
use strict;
use POSIX ();
my ($report, @command) = @ARGV;
my $prctl = (POSIX::uname())[4] eq 'aarch64' ? 167 : 157;
my $PR_SET_CHILD_SUBREAPER = 36;
syscall($prctl, $PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 or die "prctl: $!";
my $pid = fork() // die "fork: $!";
if ($pid == 0) { exec { $command[0] } @command or POSIX::_exit(127) }
$SIG{TERM} = sub { kill 'TERM', $pid };
my $status = 0;
while (1) {
  my $ended = waitpid(-1, 0);
  $status = $? if $ended == $pid;
  last if $ended < 0 && !$!{EINTR};
}
open(my $in, '<', '/proc/self/io') or die "/proc/self/io: $!";
open(my $out, '>', $report) or die "$report: $!";
print {$out} <$in>;
close $out;
exit($status & 127 ? 1 : $status >> 8);
