#!/usr/bin/perl
# A gate and `policy replay` judge by the same machines: what one does with each command,
# the other says of its log; who asks, from where and when included.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki    = pki();
my $rtu    = Raw104->listener;
my @policy = (bin('gate104'), 'policy');

# Every key that asks for more than addresses; the clock of the machine is taken as good.
my $rules = <<'P';
control = { default = "refuse"; clock = "trust"; select_timeout = 5; rules = (
  { name = "breaker"; types = [ "C_SC_NA_1" ]; ioa = [ "1-9" ]; select = "required"; },
  { name = "direct";  types = [ "C_SC_NA_1" ]; ioa = [ 20 ]; select = "forbidden"; },
  { name = "rare";    types = [ "C_SC_NA_1" ]; ioa = [ "30-39" ]; rate = "2/h"; rate_per = "point"; },
  { name = "session"; types = [ "C_SC_NA_1" ]; ioa = [ "40-49" ]; rate = "3/d"; },
  { name = "young";   types = [ "C_SC_TA_1" ]; ioa = [ "50-59" ]; max_age = "10s"; },
  { name = "near";    types = [ "C_SE_NB_1" ]; ioa = [ "60-69" ]; step = 5; },
  { name = "mine";    types = [ "C_DC_NA_1" ]; ioa = [ 1 ]; peers = [ "dns:master.lab" ]; },
  { name = "other";   types = [ "C_DC_NA_1" ]; ioa = [ 2 ]; peers = [ "subject:CN=nobody" ]; },
  { name = "here";    types = [ "C_DC_NA_1" ]; ioa = [ 3 ]; from = [ "127.0.0.0/8" ]; },
  { name = "there";   types = [ "C_DC_NA_1" ]; ioa = [ 4 ]; from = [ "192.0.2.0/24" ]; },
  { name = "always";  types = [ "C_DC_NA_1" ]; ioa = [ 5 ]; time = [ "Mon-Sun" ]; },
  { name = "drop";    types = [ "C_DC_NA_1" ]; ioa = [ 6 ]; action = "drop"; },
  { name = "wide";    types = [ "C_DC_NA_1" ]; ioa = [ 7 ]; } ); };
P

# And what no single command shows.
my $guarded = <<'P';
control = { default = "refuse"; rules = ( { types = [ "C_SC_NA_1", "C_DC_NA_1", "C_IC_NA_1" ]; } ); };
guards = {
  sweep         = { points = 3; window = "60s"; action = "refuse"; };
  toggle        = { changes = 2; window = "60s"; action = "refuse"; };
  interrogation = { requests = 2; window = "60s"; action = "monitor-only"; };
  early_command = { action = "alarm"; };
};
P

my %port = map { $_ => free_port() } qw(enforce observe guarded);
my $dir = write_config(routes => [ map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"],
    rtu => ["127.0.0.1:$rtu->{port}"], enforce => $_ eq 'observe' ? \'false' : \'true',
    policy_text => $_ eq 'guarded' ? $guarded : $rules } } sort keys %port ]);
my $gate = start_gate104($dir);
my %file = (enforce => "$dir/policy-0.policy", guarded => "$dir/policy-1.policy", observe => "$dir/policy-2.policy");

sub object  { my ($type, $ioa, $elements, $cause) = @_; return sprintf '%02x01%02x000100%s%s', $type, $cause // 6, unpack('H6', pack 'V', $ioa), $elements }
sub single  { return object(45, $_[0], sprintf('%02x', $_[1]), $_[2]) }
sub double  { return object(46, $_[0], '02') }
sub scaled  { return object(49, $_[0], unpack('H4', pack 's<', $_[1]) . '00') }

# C_SC_TA_1 with the time so many seconds from now, in UTC.
sub timed {
    my ($ioa, $ahead) = @_;
    my @t = gmtime(time + $ahead);
    return object(58, $ioa, '01' . unpack('H*', pack 'vCCCCC', $t[0] * 1000, $t[1], $t[2], $t[3], $t[4] + 1, $t[5] % 100));
}

# Sends a command; whatever the gate does, another one that always passes shows the end of
# it.  The station confirms what it gets.
sub ask {
    my ($m, $s, $asdu) = @_;
    my $mark = object(46, 7, '02', 8);    # to take back is always in order
    $m->send($m->i($asdu), $m->i($mark));
    for (1 .. 3) {
        my $got = $s->until_asdu(qr/^(?:\Q$asdu\E|\Q$mark\E)/) // return 0;
        $got = lc $got;
        (my $answer = $got =~ /\Q$asdu\E/ ? $asdu : $mark) =~ s/^(....)0([68])/$1 . '0' . ($2 + 1)/e;
        $s->send($s->i($answer));
        $m->until_asdu(qr/^\Q$answer\E/) or return 0;
        return 1 if $answer =~ /^2e/ && $asdu ne $mark;
    }
    return 0;
}

my @work = (single(1, 1), single(1, 0x81), single(1, 0), single(1, 0x81), single(1, 1), single(1, 1), single(2, 0x81), single(2, 0x81, 8), single(2, 1),
            single(20, 0x81), single(20, 1), (map { single(30, $_) } 1, 0, 1), single(31, 1), (map { single($_, 1) } 40 .. 43),
            timed(50, 0), timed(51, -60), timed(52, 3600), scaled(60, 10), scaled(60, 14), scaled(60, 20), scaled(60, 19), scaled(61, 100),
            (map { double($_) } 1 .. 6), object(47, 1, '01'));
# Whose words: of the first command that trips, and of each further one.
my @lawful = (single(1, 1), single(1, 0), single(1, 1), single(1, 0), single(1, 0), single(2, 1), single(3, 1), single(4, 1),
              (map { object(100, 0, '14') } 1 .. 3), single(1, 1));

# What became of each command of a route, by the gate's log: the guard's or limit's word,
# or the rule.
sub by_log {
    my ($route) = @_;
    my %gate;
    for my $r (grep { ($_->{route} // '') eq $route } records($dir)) {
        $gate{ $r->{apdu} } = $r->{why} && $r->{why} ne 'policy' ? $r->{why} : $r->{rule}
            if $r->{event} =~ /^policy\.(?:refused|would-refuse|dropped)$/;
    }
    return \%gate;
}

sub session_of {
    my ($route, $lost, @work) = @_;
    my ($m, $s) = Raw104->through($port{$route}, $pki, $rtu);
    ok($m, 'a session') or return;
    is(scalar(grep { !ask($m, $s, $_) } @work), $lost, 'all was sent');
    $m->close;
    ok(wait_record($dir, { event => 'session.close', route => $route }), 'the end');
}

for my $route (qw(enforce observe)) {
    subtest $route => sub {
        session_of($route, 0, @work);
        my %gate = %{ by_log($route) };
        my ($status, $out) = run_command([ @policy, 'replay', '--json', '--policy', $file{$route}, '--route', $route, "$dir/log" ]);
        is($status, 1, 'something would be refused');
        my %replay = map { $_->{apdu} ? ($_->{apdu} => $_->{why} // $_->{rule}) : () } Gate104::json_lines($out);
        is_deeply(\%replay, \%gate, 'replay says of each what the gate did') or diag explain { gate => \%gate, replay => \%replay };
        my %seen = map { $_ => 1 } values %gate;
        is(join(' ', sort keys %seen), 'default drop no-select rate select-different select-forbidden step tag-future tag-old', 'every word was said');

        my %stopped = map { hex(substr $_, 24, 2) => 1 } grep { /^.{12}2e/ } keys %replay;
        is(join(' ', sort keys %stopped), '2 4 6', 'a certificate and an address that were seen');
        # The same traffic by somebody else.
        my @lines = Gate104::json_lines((run_command([ @policy, 'replay', '--json', '--policy', $file{$route}, '--route', $route, '--peer', 'subject:CN=nobody',
                                                      '--from', '192.0.2.7', "$dir/log" ]))[1]);
        my %doubles = map { hex(substr $_->{apdu}, 24, 2) => 1 } grep { ($_->{apdu} // '') =~ /^.{12}2e/ } @lines;
        is(join(' ', sort keys %doubles), '1 3 6', 'a certificate and an address that are said');
    };
}

subtest 'guards' => sub {
    my $route = 'guarded';
    session_of($route, 2, @lawful);    # of the last two not even the deactivation
    my $gate = by_log($route);
    my ($status, $out) = run_command([ @policy, 'replay', '--json', '--policy', $file{$route}, '--route', $route, "$dir/log" ]);
    my @lines   = Gate104::json_lines($out);
    my %replay  = map { $_->{apdu} && $_->{verdict} ne 'pass' ? ($_->{apdu} => $_->{why} // $_->{rule}) : () } @lines;
    is_deeply(\%replay, $gate, 'replay says of each what the gate did') or diag explain { gate => $gate, replay => \%replay };
    my %words = map { $_ => 1 } values %$gate;
    is(join(' ', sort keys %words), 'guard-interrogation guard-sweep guard-toggle', 'every word was said');
    my %tripped;
    $tripped{ $_->{guard} }++ for grep { $_->{guard} && ($_->{route} // '') eq $route } records($dir);
    is_deeply($lines[-1]{guards}, \%tripped, 'and which guards tripped') or diag explain [ $lines[-1], \%tripped ];
};
is(stop_process($gate, 'TERM'), 0, 'clean stop');

# Captures that everybody can have: what is refused of them, by policies learned from them.
my $captures = "$FindBin::Bin/../../../shared/data/captures";
SKIP: {
    skip 'no captures beside the project', 1 if !-d $captures;
    subtest 'captures' => sub {
        my $work = scratch();
        for my $file (sort glob "$captures/*.pcap*") {
            my ($name) = $file =~ m{([^/]+)$};
            my @each = $name =~ /^heinrihs/ ? '--per-packet' : ();    # its TCP numbers never advance
            my ($status, undef, $err) = run_command([ @policy, 'learn', @each, '--accept-commands', '--out', "$work/$name.policy", $file ]);
            ok($status == 0 || $status == 1, "$name: learned") or diag $err;
            is((run_command([ @policy, 'check', "$work/$name.policy" ]))[0], 0, '... a good policy');
            my ($refused, $out) = run_command([ @policy, 'replay', @each, '--policy', "$work/$name.policy", $file ]);
            # What the policy was learned from passes it; the validator is another matter.
            my @rules = grep { /-> \w+: (?:no rule|rule)/ && !/ IOA \d+ .*never/ } split /\n/, $out;
            is(scalar @rules, $name eq 'iti_TestDissectIec104.pcap' ? 1 : 0, '... that refuses nothing of it') or diag join "\n", @rules[ 0 .. 3 ];
            like($err, qr/would never pass/, '... and learn said what would never pass') if $refused && $out =~ /-> close/;
        }
    };
}
done_testing;
