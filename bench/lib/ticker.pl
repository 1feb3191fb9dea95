# perl ticker.pl ID LINES FILE: says "ready ID", waits until FILE holds a time of the monotonic clock (nanoseconds), and
# then prints "ID NUMBER TIME" once a second, LINES times, at a moment of its own in each second. Then it stays until it
# is ended, a minute at most, so that no end falls into the lines of the others. Perl, because hundreds of it fit into
# memory and a line costs no process.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime clock_nanosleep sleep CLOCK_MONOTONIC TIMER_ABSTIME);

my ($id, $lines, $file) = @ARGV;
syswrite STDOUT, "ready $id\n";
my $start;
for (1 .. 1500) {
    if (open my $handle, '<', $file) { $start = <$handle>; close $handle; last if defined $start && $start =~ /\n/ }
    sleep 0.2;
}
exit 1 unless defined $start;
$start += ($id * 7919 % 1000) * 1e6;
for my $number (0 .. $lines - 1) {
    clock_nanosleep(CLOCK_MONOTONIC, $start + $number * 1e9, TIMER_ABSTIME);
    my $now = clock_gettime(CLOCK_MONOTONIC);
    syswrite STDOUT, sprintf("%d %d %.0f\n", $id, $number, $now * 1e9);
}
sleep 60;
