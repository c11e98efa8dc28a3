#!/usr/bin/perl
# A list of points: rules that name them, names in the log and in what is made of it, and a
# list with mistakes.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = Raw104->listener;
my ($port, $bare) = (free_port(), free_port());
my $policy = <<'P';
control = { default = "refuse"; rules = (
  { name = "feeders"; points = [ "F1*" ]; },
  { name = "station"; types = [ "C_IC_NA_1" ]; } ); };
P
# As a spreadsheet in a country of decimal commas writes it.
my $csv = join "\r\n", "\xEF\xBB\xBFName;CA;IOA;Type;Unit;Min;Max;Select", "F1 breaker;1;1001;C_SC_NA_1;;;;no",
    "F1 L\xC3\xBCfter;1;1002;C_SC_NA_1;;;;", "F2 breaker;1;1003;C_SC_NA_1;;;;", "F1 state;1;1;M_SP_NA_1;;;;",
    "F1 setpoint;1;1301;C_SE_NC_1;kV;-0,5;110,5;", '';
my $dir = write_config(routes => [
    { name => 'named', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"], enforce => \'true',
      policy_text => $policy, points => 'rtu.csv', operation_timeout => 1, record_points => 'all' },
    { name => 'bare', mode => 'protect-rtu', listen => ["127.0.0.1:$bare"], rtu => ["127.0.0.1:$rtu->{port}"], enforce => \'true',
      policy_text => 'control = { default = "refuse"; rules = ( { types = [ "C_SC_NA_1" ]; ioa = [ 1001 ]; } ); };' } ]);
spew("$dir/rtu.csv", $csv);
my $gate = start_gate104($dir);

sub single { my ($ioa) = @_; return sprintf '2d0106000100%s01', unpack 'H6', pack 'V', $ioa }

# 'refused' if gate104 answers, 'done' if the station does.
sub ask {
    my ($m, $s, $asdu) = @_;
    $m->send($m->i($asdu));
    for (1 .. 200) {
        return 'refused' if $m->until_asdu(qr/^2[de]01(?:47|49)/, 0.03);
        next if !defined $s->until_asdu(qr/^\Q$asdu\E/, 0.03);
        my $answer = $asdu =~ s/^(....)06/${1}07/r;
        $s->send($s->i($answer));
        return $m->until_asdu(qr/^\Q$answer\E/) ? 'done' : 'no answer';
    }
    return 'lost';
}

my ($m, $s) = Raw104->through($port, $pki, $rtu);
BAIL_OUT('no session') if !$s;
is(join(' ', map { ask($m, $s, single($_)) } 1001 .. 1003, 1), 'done done refused refused', 'what the rule names passes, no more');
is(ask($m, $s, single(1001) =~ s/^2d/2e/r), 'refused', 'and no other type');
$s->send($s->i('1e01030001000100000100000000010118'), $s->i('01010300010002000001'));
ok(defined $m->until_asdu(qr/^0101030001000200/), 'values');
my ($m2, $s2) = Raw104->through($bare, $pki, $rtu);
is(ask($m2, $s2, single(1001)), 'done', 'a route without a list');

sub where { my ($r) = @_; return ($r->{point} // '-') . ":$r->{ioa}" }
sub events { my ($event, $route) = @_; return grep { $_->{event} eq $event && $_->{route} eq $route } records($dir) }
ok(wait_until(sub { events('op.closed', 'named') >= 2 && events('policy.refused', 'named') >= 3 && events('op.command', 'bare') >= 1 }), 'all is in the log');
is(join(' ', map { where($_) } events('op.command', 'named')), 'F1 breaker:1001 F1 L\xC3\xBCfter:1002',
    'commands have the names of the list');
is(join(' ', map { where($_) } events('op.closed', 'named')), 'F1 breaker:1001 F1 L\xC3\xBCfter:1002', 'so has what became of them');
is(join(' ', map { where($_) } events('policy.refused', 'named')), 'F2 breaker:1003 -:1 -:1001', 'and what was refused');
ok(wait_until(sub { events('point.value', 'named') >= 2 }), 'values are in the log');
is(join(' ', map { where($_) } events('point.value', 'named')), 'F1 state:1 -:2', 'and have names, with a time tag, too');
is(join(' ', map { where($_) } events('op.command', 'bare')), '-:1001', 'without a list there are none');
my ($opened) = grep { $_->{policy_sha256} && $_->{route} eq 'named' } records($dir);
is($opened->{points_sha256}, sha256_hex($csv), 'the record with the policy tells the list');
my ($code, $status) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'status', '--json' ]);
like($status, qr/"points_sha256":\s*"@{[ sha256_hex($csv) ]}"/, 'so does the status');
is(stop_process($gate, 'TERM'), 0, 'clean stop');

subtest 'what is made of the log' => sub {
    my ($code, $out) = run_command([ bin('gate104'), 'log', 'show', '--event', 'op.command', "$dir/log" ]);
    like($out, qr/C_SC_NA_1 activation "F1 breaker" = on -> pass by "feeders"/, 'a name stands for the addresses');
    like($out, qr/C_SC_NA_1 activation CA 1 IOA 1001 = on -> pass/, 'that remain where there is none');
    for (['F1 breaker', 1], ["F1 L\xC3\xBCfter", 1], ['F1*', 2], ['F1', 0], ['*', 2]) {
        my ($name, $n) = @$_;
        (undef, $out) = run_command([ bin('gate104'), 'log', 'show', '--json', '--event', 'op.command', '--point', $name, "$dir/log" ]);
        is(scalar(json_lines($out)), $n, "records of the point $name");
    }
    my ($error, undef, $said) = run_command([ bin('gate104'), 'log', 'show', '--point', '', "$dir/log" ]);
    is($error, 3, 'no name');
    like($said, qr/expected the name of a point/, 'is said');
    (undef, $out) = run_command([ bin('gate104'), 'log', 'stats', "$dir/log" ]);
    like($out, qr/commands by point\n(?:\s+1  F1 (?:breaker|L\\xC3\\xBCfter)\n){2}/, 'commands are counted by point');
    (undef, $out) = run_command([ bin('gate104'), 'log', 'stats', '--json', "$dir/log" ]);
    is(eval { decode_json($out)->{points}{counts}{'F1 breaker'} }, 1, 'in JSON, too');
    ($code, $out) = run_command([ bin('gate104'), 'log', 'report', '--html', '-o', "$dir/report.html", "$dir/log" ]);
    my $page = slurp("$dir/report.html");
    like($page, qr/Commands by point/, 'the report counts them');
    like($page, qr/C_SC_NA_1 activation &quot;F1 breaker&quot; = on|C_SC_NA_1 activation "F1 breaker" = on/, 'and names them');
};

sub check { my (undef, undef, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]); return $err }

subtest 'a list with mistakes' => sub {
    spew("$dir/rtu.csv", $csv =~ s/C_SE_NC_1/C_SE_NX_1/r =~ s/F2 breaker;1;1003/F2 breaker;0;1003/r);
    my $said = check();
    like($said, qr{rtu\.csv:6: error: type: "C_SE_NX_1" is no type of IEC 60870-5-104; did you mean "C_SE_N[ABC]_1"\?}, 'a type');
    like($said, qr{rtu\.csv:4: error: ca: "0" is out of range; write 1 to 65534}, 'an address');
    unlike($said, qr/feeders|policy/, 'and nothing that follows from them');
    spew("$dir/rtu.csv", $csv =~ s/F1 /G1 /gr);
    like(check(), qr{policy-0\.policy:2: error: .*points\[0\]: "F1\*" fits no point of .*rtu\.csv}, 'a rule without points');
    unlink "$dir/rtu.csv";
    like(check(), qr{gate104\.conf:\d+: error: points: cannot open ".*/rtu\.csv": No such file}, 'no list at all');
    mkdir "$dir/rtu.csv";
    like(check(), qr{"[^"]*/rtu\.csv" is a directory; name a regular file}, 'a directory');
    rmdir "$dir/rtu.csv";
    spew("$dir/rtu.csv", "\xFF\xFEn\0a\0");
    like(check(), qr{rtu\.csv: error: this is UTF-16, not UTF-8; save it as "CSV UTF-8"}, 'UTF-16');
    spew("$dir/rtu.csv", $csv);
    is((run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]))[0], 0, 'and again as it was');
    my $conf = slurp("$dir/gate104.conf");
    spew("$dir/gate104.conf", $conf =~ s/points = "rtu\.csv"; //r);
    like(check(), qr{policy-0\.policy:2: error: .*the rule names points, and there is no list of them; add points = "FILE\.csv"; to the route},
        'a rule that names points where there is no list');
};
done_testing;
