#!/usr/bin/perl
# Who may read and write what gate104 makes, however generous the umask it is started with;
# and what of others' making it does not take because too many may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

my $pki  = pki();
my $port = free_port();
my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ['127.0.0.1:1'] } ]);
umask 0;

sub mode_of { return sprintf '%04o', ((stat $_[0])[2] // 0) & 07777 }

sub start_anyhow {
    my $p = start_gate104($dir, may_fail => 1);
    stop_process($p, 'TERM') if $p;
    return slurp("$dir/gate104d.err");
}

# ---- what it makes ----
my $g = start_gate104($dir);
is(mode_of("$dir/run/control"), '0600', 'the control socket is its own');
is(mode_of("$dir/run"), '0755', 'in a folder that nobody else writes to');
is(mode_of("$dir/log/gate104.jsonl"), '0640', 'the log is for its user and his group to read');
is(stop_process($g, 'TERM'), 0, 'clean stop');

open my $log, '>>', "$dir/log/gate104.jsonl" or die $!;
print $log '{"seq":';
close $log;
$g = start_gate104($dir);
my ($torn) = glob "$dir/log/torn-*.jsonl";
ok($torn, 'a line that was not written whole is put aside');
is(mode_of($torn // ''), '0640', 'as the log');
is(stop_process($g, 'TERM'), 0, 'clean stop');

my ($status, undef, $err) = run_command([ bin('gate104'), 'pki', 'init', "$dir/ca", '--name', '/O=lab/CN=lab' ]);
is($status, 0, 'a CA') or diag $err;
is(mode_of("$dir/ca"), '0700', 'its folder is its own');
is(mode_of("$dir/ca/ca.key"), '0600', 'and its key');
is(mode_of("$dir/ca/issued"), '0700', 'and what it keeps of those it signed');

# ---- what it does not take ----
for my $case ([ "$dir/log", 0707, qr/everybody may write to "\Q$dir\E\/log"/, 'a log folder that everybody writes to' ],
              [ "$dir/log", 01777, qr/log: anybody may write in it/, 'nor if it is sticky' ],
              [ "$pki/station.key", 0620, qr/is open to others \(mode 0620\)/, 'a key that others may change' ],
              [ "$pki/station.key", 0604, qr/is open to others \(mode 0604\)/, 'or read' ]) {
    my ($file, $mode, $why, $what) = @$case;
    my $was = (stat $file)[2] & 07777;
    chmod $mode, $file;
    my $said = start_anyhow();
    unlike($said, qr/^gate104d: ready$/m, "$what: does not start");
    like($said, $why, 'and says why');
    chmod $was, $file;
}
like(start_anyhow(), qr/^gate104d: ready$/m, 'as they were, it starts');

done_testing;
