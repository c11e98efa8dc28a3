#!/usr/bin/perl
# Routes whose stations do not speak plain 104: other address sizes, named quirks, the
# authentication of IEC 60870-5-7.  A raw master and a raw station see every octet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use JSON::PP;
use Test::More;

my $pki = pki();

my $POLICY = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1001-1100" ]; },
  { name = "station"; types = [ "C_IC_NA_1", "C_CI_NA_1" ]; ca = [ "1", "broadcast" ]; }
); };
P

my %routes = (
    plain   => {},
    old     => { cot_size => 1, ca_size => 1, ioa_size => 2 },
    timed   => { quirks => ['timed-interrogated'] },
    cp24    => { quirks => ['cp24-types'] },
    # The confirmation of a command repeats its qualifier.
    control => { control_quirks => [ 'reserved-qualifiers', 'test-commands', 'counter-deactivation' ] },
    secauth => { secauth => 'passthrough' },
    observe => { enforce => \'false' },
);
my @names  = sort keys %routes;
my %port   = map { $_ => free_port() } @names;
my %hand   = map { $_ => Raw104->listener } @names;
my $dir    = write_config(routes => [ map { +{
    name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"], rtu => ["127.0.0.1:$hand{$_}{port}"],
    policy_text => $POLICY, %{ $routes{$_} } } } @names ]);
my $gate   = start_gate104($dir);

# A session of a route, begun: master and station.
sub both {
    my ($name) = @_;
    my $m = Raw104->connect_tls($port{$name}, $pki) or die "$name: no TLS";
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($hand{$name}) or die "$name: not dialled";
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die "$name: no session";
    return ($m, $s);
}

# Sends an ASDU and gives the next one that comes out at the other end.
sub through {
    my ($from, $to, $asdu) = @_;
    $from->send($from->i($asdu));
    return $to->until_asdu(qr/./) // 'nothing';
}

# True if the ASDU does not come out: what comes next is `after`, which is sent behind it.
sub is_kept {
    my ($from, $to, $asdu, $after, $name) = @_;
    $from->send($from->i($asdu));
    return is(through($from, $to, $after), $after, $name);
}

# The records of the session of a master that match; all of them are there once it is over.
sub told {
    my ($m, %want) = @_;
    $m->close;
    wait_until(sub { grep { $_->{event} eq 'session.close' } records_of_client($dir, $m->{port}) });
    my @r = records_of_client($dir, $m->{port});
    for my $key (keys %want) {
        @r = grep { ($_->{$key} // '') eq $want{$key} } @r;
    }
    return @r;
}

# Some fields of a record; JSON's truth as 0 and 1.
sub fields {
    my ($r, @keys) = @_;
    return { map { my $v = $r->{$_}; $_ => JSON::PP::is_bool($v) ? 0 + $v : $v } @keys };
}

my $POINT = '010103000100010f0001';    # M_SP_NA_1, spontaneous
my $ON    = $Raw104::SINGLE_ON;

# ---- address sizes -----------------------------------------------------------------

subtest 'a cause of one octet, a common address of one, an object address of two' => sub {
    my ($m, $s) = both('old');
    for my $asdu ('01010301010f01', '0d8214010001' . '0000803f00' x 2, '2401030101040000803f0010271e0c0f0618') {
        is(through($s, $m, $asdu), $asdu, "data pass: $asdu");
    }
    is(through($m, $s, '2d010601e90301'), '2d010601e90301', 'a command passes');
    is(through($s, $m, '2d010701e90301'), '2d010701e90301', 'so does its confirmation');
    is($m->command('2d010601881301'), '2d014701881301', 'a refused one is answered in the same sizes');
    is($m->command('2d010601ea0315'), '2d014701ea0315', 'one with a fault, too');
    is(through($m, $s, '6401' . '06ff' . '0000' . '14'), '640106ff000014', 'to all stations: 255');
    my @r = told($m);
    my ($command) = grep { $_->{event} eq 'op.command' && $_->{type} eq 'C_SC_NA_1' } @r;
    is_deeply(fields($command, qw(ca ioa value cot rule oa)),
        { ca => 1, ioa => 1001, value => 1, cot => 'activation', rule => 'breakers', oa => undef }, 'the log reads the sizes');
    my ($to_all) = grep { $_->{event} eq 'op.command' && $_->{type} eq 'C_IC_NA_1' } @r;
    is($to_all->{ca}, 65535, 'and says that a command went to all');
    my ($confirmed) = grep { $_->{event} eq 'op.confirmed' } @r;
    is($confirmed && $confirmed->{command_seq}, $command->{command_seq}, 'the answer is known as the answer');
    my ($refused) = grep { $_->{event} eq 'policy.refused' } @r;
    is_deeply(fields($refused, qw(ca ioa why)), { ca => 1, ioa => 5000, why => 'policy' }, 'what was refused');
    my ($fault) = grep { $_->{event} eq 'asdu.malformed' } @r;
    is_deeply(fields($fault, qw(ioa reason offset quirk verdict)),
        { ioa => 1002, reason => 'bad-qualifier', offset => 12, quirk => 'reserved-qualifiers', verdict => 'refuse' },
        'what was at fault, and where');
};

subtest 'sizes that do not fit' => sub {
    for my $case ([ 'old', $ON, 'trailing' ], [ 'plain', '2d010601e90301', 'short' ]) {
        my ($name, $asdu, $reason) = @$case;
        my ($m, $s) = both($name);
        $m->send($m->i($asdu));
        ok($m->ended, "a command of other sizes ends the session ($name)");
        ok($s->ended, 'at both ends');
        is($s->{in}, '', 'and has not reached the station');
        is(scalar told($m, event => 'asdu.malformed', reason => $reason), 1, "which the log calls $reason");
    }
};

# ---- quirks of stations ------------------------------------------------------------

my $TIMED = '1e0114000100010f0001' . '10271e0c0f0618';    # M_SP_TB_1, interrogated
my $CP24  = '020103000100010f0001' . '10271e';            # M_SP_TA_1

subtest 'a time tag in the answer to an interrogation' => sub {
    for my $session (1, 2) {
        my ($m, $s) = both('timed');
        is(through($s, $m, $TIMED), $TIMED, 'passes') for 1 .. 3;
        is_kept($s, $m, $CP24, $POINT, 'another fault does not');
        my @r = told($m);
        my @tolerated = grep { $_->{event} eq 'asdu.tolerated' } @r;
        is(scalar @tolerated, 1, "is told once in session $session");
        is_deeply(fields($tolerated[0], qw(quirk verdict direction type cot severity apdu)),
            { quirk => 'timed-interrogated', verdict => 'pass', direction => 'monitor', type => 'M_SP_TB_1',
              cot => 'interrogated', severity => 'notice', apdu => Raw104::i_frame($TIMED, 0, 0) }, 'with all there is to know');
        my ($close) = grep { $_->{event} eq 'session.close' } @r;
        is_deeply(fields($close, qw(tolerated malformed dropped)), { tolerated => 3, malformed => 1, dropped => 1 },
            'and counted each time');
    }
};

subtest 'without the quirk' => sub {
    my ($m, $s) = both('plain');
    is_kept($s, $m, $TIMED, $POINT, 'it is dropped');
    is_kept($s, $m, $CP24, $POINT, 'so is a type of 101');
    my @r = told($m, event => 'asdu.malformed');
    is_deeply([ map { fields($_, qw(quirk reason offset verdict)) } @r ],
        [ { quirk => 'timed-interrogated', reason => 'bad-cot', offset => 8, verdict => 'drop' },
          { quirk => 'cp24-types', reason => 'bad-type', offset => 6, verdict => 'drop' } ],
        'and each record names the quirk that would let it through');
    is(scalar(grep { $_->{event} eq 'asdu.tolerated' } told($m)), 0, 'nothing is called tolerated');
};

subtest 'types of 101' => sub {
    my ($m, $s) = both('cp24');
    is(through($s, $m, $CP24), $CP24, 'pass where the quirk is named');
    is_kept($s, $m, '020103000100010f0001' . '10273c', $POINT, 'with a time that is none they do not');
    my @r = told($m);
    is_deeply([ map { $_->{quirk} } grep { $_->{event} eq 'asdu.tolerated' } @r ], ['cp24-types'], 'the log says so');
    is_deeply([ map { fields($_, qw(reason type quirk)) } grep { $_->{event} eq 'asdu.malformed' } @r ],
        [ { reason => 'bad-time', type => 'M_SP_TA_1', quirk => 'any-time' } ], 'and what was wrong with the other');
};

subtest 'where gate104 only observes' => sub {
    my ($m, $s) = both('observe');
    is(through($s, $m, $TIMED), $TIMED, 'a fault of meaning passes without a quirk');
    is_deeply([ map { fields($_, qw(quirk verdict)) } told($m, event => 'asdu.malformed') ],
        [ { quirk => 'timed-interrogated', verdict => 'would-drop' } ], 'and the log names the quirk to write down');
};

# ---- quirks of masters -------------------------------------------------------------

my %COMMANDS = (
    'reserved-qualifiers'  => [ '2d0106000100e9030015', '2d0107000100e9030015', 'bad-qualifier', '2d0147000100e9030015' ],
    'test-commands'        => [ '2d0186000100e9030001', '2d0187000100e9030001', 'test-bit', '2d01c7000100e9030001' ],
    'counter-deactivation' => [ '65010800010000000005', '65010900010000000005', 'bad-cot', '65016d00010000000005' ],
);

subtest 'control_quirks' => sub {
    my ($m, $s) = both('control');
    for my $quirk (sort keys %COMMANDS) {
        my ($asdu, $answer) = @{ $COMMANDS{$quirk} };
        is(through($m, $s, $asdu), $asdu, "$quirk: the command passes");
        is(through($s, $m, $answer), $answer, 'so does the answer');
    }
    is($m->command('2d0106000100e9030002'), '2d0147000100e9030002', 'a fault without a quirk is refused');
    $m->send($m->i('2d01860001008813' . '0001'));
    is($m->until_asdu(qr/^2d/), '2d01c7000100881300' . '01', 'and so is what the policy does not allow');
    my @r = told($m);
    is_deeply([ sort map { "$_->{direction} $_->{quirk}" } grep { $_->{event} eq 'asdu.tolerated' } @r ],
        [ 'control counter-deactivation', 'control reserved-qualifiers', 'control test-commands',
          'monitor counter-deactivation', 'monitor reserved-qualifiers' ],
        'each is told once for each direction that needs it');
    is(scalar(grep { $_->{event} eq 'op.command' } @r), 3, 'each command has its record');
    is((grep { $_->{event} eq 'op.command' && $_->{test} } @r)[0]{verdict}, 'pass', 'that of the test says that it is one');
};

subtest 'strict without control_quirks' => sub {
    my ($m, $s) = both('plain');
    for my $quirk (sort keys %COMMANDS) {
        my ($asdu, undef, $reason, $answer) = @{ $COMMANDS{$quirk} };
        is($m->command($asdu), $answer, "$quirk: refused, with an answer");
    }
    is(through($m, $s, $ON), $ON, 'none has reached the station');
    is_deeply([ sort map { "$_->{quirk} $_->{reason} $_->{verdict}" } told($m, event => 'asdu.malformed') ],
        [ map { "$_ $COMMANDS{$_}[2] refuse" } sort keys %COMMANDS ], 'and each record names the quirk');
};

# ---- IEC 60870-5-7 -----------------------------------------------------------------

# An aggressive mode request around an ASDU: sequence number, user and a MAC of 16 octets.
sub aggressive { my ($asdu, %o) = @_; return '53010e000100' . ($o{segment} // 'c1') . $asdu . '010000000100' . 'a5' x 16 }

my $FAR       = '2d0106000100881300' . '01';    # an object that no rule allows
my $CHALLENGE = '51010e000100' . 'c1' . '01000000' . '0100' . '0401' . '0400' . 'deadbeef';
my $REPLY     = '52010e000100' . 'c1' . '01000000' . '0100' . '1000' . 'a5' x 16;

subtest 'secauth = "passthrough"' => sub {
    my ($m, $s) = both('secauth');
    is(through($m, $s, aggressive($ON)), aggressive($ON), 'a wrapped command passes, octet for octet');
    is(through($s, $m, $Raw104::SINGLE_CON), $Raw104::SINGLE_CON, 'and is confirmed');
    $m->send($m->i(aggressive($FAR)));
    is($m->until_asdu(qr/./), '2d0147000100881300' . '01', 'one that is not allowed is answered as if it came bare');
    $m->send($m->i(aggressive('2d0106000100e9030015')));
    is($m->until_asdu(qr/./), '2d0147000100e9030015', 'so is one with a fault');
    is_kept($m, $s, aggressive($ON, segment => '41'), $ON, 'a segmented one does not pass');
    is_kept($m, $s, aggressive($REPLY), $ON, 'nor one within another');
    is(through($s, $m, $CHALLENGE), $CHALLENGE, 'a challenge passes');
    is(through($m, $s, $REPLY), $REPLY, 'and its reply');
    my @r = told($m);
    my ($command) = grep { $_->{event} eq 'op.command' } @r;
    is_deeply(fields($command, qw(type rule verdict)), { type => 'S_AR_NA_1', rule => 'breakers', verdict => 'pass' },
        'the record of the command: by which rule');
    is_deeply(fields($command->{inner}, qw(type cot ca ioa value select)),
        { type => 'C_SC_NA_1', cot => 'activation', ca => 1, ioa => 1001, value => 1, select => 0 }, 'and what it holds');
    my ($confirmed) = grep { $_->{event} eq 'op.confirmed' } @r;
    is($confirmed && $confirmed->{command_seq}, $command->{command_seq}, 'the answer is known as its answer');
    my ($refused) = grep { $_->{event} eq 'policy.refused' } @r;
    is($refused && $refused->{inner}{ioa}, 5000, 'what was refused');
    is_deeply([ map { fields($_, qw(reason offset quirk)) } grep { $_->{event} eq 'asdu.malformed' } @r ],
        [ { reason => 'bad-qualifier', offset => 22, quirk => 'reserved-qualifiers' },
          { reason => 'segmented', offset => 12, quirk => undef }, { reason => 'bad-type', offset => 13, quirk => undef } ],
        'and why; offsets are those of the whole');
};

subtest 'secauth is blocked without the setting' => sub {
    my ($m, $s) = both('plain');
    is_kept($m, $s, aggressive($ON), $ON, 'a wrapped command does not pass');
    is_kept($s, $m, $CHALLENGE, $POINT, 'nor does a challenge');
    is_deeply([ map { fields($_, qw(direction reason quirk type)) } told($m, event => 'asdu.malformed') ],
        [ { direction => 'control', reason => 'secauth', quirk => 'secauth', type => 'S_AR_NA_1' },
          { direction => 'monitor', reason => 'secauth', quirk => 'secauth', type => 'S_CH_NA_1' } ], 'and the log says why');
};

is_deeply([ grep { /system\.(process-died|ipc-violation)/ } map { $_->{event} } records($dir) ], [], 'no process has died of it');
is_deeply([ log_faults($dir) ], [], 'the log is whole');

# ---- the same in gate104 decode ----------------------------------------------------

subtest 'gate104 decode takes the same settings' => sub {
    my $one = sub {
        my ($status, $out) = run_command([ bin('gate104'), 'decode', '--json', @_ ]);
        my ($l) = json_lines($out);
        return join ' ', $status, map { ref $_ ? "@$_" : $_ // '-' } @{$l}{qw(verdict reason quirk tolerated)};
    };
    my $timed = Raw104::i_frame($TIMED, 0, 0);
    is($one->($timed), '1 illegal bad-cot timed-interrogated -', 'the quirk that would help');
    is($one->('--quirk', 'timed-interrogated', $timed), '0 accepted - - timed-interrogated', 'the quirk that helped');
    is($one->('--cot-size', 1, '--ca-size', 1, '--ioa-size', 2, Raw104::i_frame('2d010601e90301', 0, 0)),
        '0 accepted - - -', 'sizes');
    my $reserved = Raw104::i_frame($COMMANDS{'reserved-qualifiers'}[0], 0, 0);
    is($one->('--control-quirk', 'reserved-qualifiers', $reserved), '0 accepted - - reserved-qualifiers', 'control quirks');
    is($one->('--quirk', 'reserved-qualifiers', $reserved), '1 illegal bad-qualifier reserved-qualifiers -', 'are apart');
    is($one->('--direction', 'control', '--secauth', Raw104::i_frame(aggressive($ON), 0, 0)), '0 accepted - - secauth', 'secauth');
};

# ---- settings that are wrong -------------------------------------------------------

# Configuration with one route that has these settings: what gate104d -t says of it.
sub check {
    my (%settings) = @_;
    my $d = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ['127.0.0.1:19998'],
        rtu => ['127.0.0.1:2404'], policy_text => $POLICY, %settings } ]);
    my @lines = split /\n/, slurp("$d/gate104.conf");
    my ($line) = grep { $lines[ $_ - 1 ] =~ /name = "r"/ } 1 .. @lines;
    my ($status, undef, $err) = run_command([ bin('gate104d'), '-c', "$d/gate104.conf", '-t' ]);
    return ($status, $err, "$d/gate104.conf:$line: ");
}

my @broken = (
    [ { cot_size => 3 }, qr/cot_size: 3 is out of range/, qr/1 to 2/ ],
    [ { ca_size => 0 }, qr/ca_size: 0 is out of range/, qr/1 to 2/ ],
    [ { ioa_size => 4 }, qr/ioa_size: 4 is out of range/, qr/1 to 3/ ],
    [ { quirks => ['cot3-clok'] }, qr/"cot3-clok" is no quirk/, qr/did you mean "cot3-clock"\?/ ],
    [ { quirks => ['anything-goes-here'] }, qr/"anything-goes-here" is no quirk/, qr/gate104\.conf\(5\)/ ],
    [ { quirks => ['test-commands'] }, qr/"test-commands" concerns what the master sends/, qr/control_quirks/ ],
    [ { control_quirks => ['not-a-number'] }, qr/"not-a-number" concerns what the station sends/, qr/write it in quirks/ ],
    [ { quirks => ['secauth'] }, qr/"secauth" is a setting of the route/, qr/secauth = "passthrough"/ ],
    [ { quirks => [ 'ca-zero', 'ca-zero' ] }, qr/"ca-zero" is named twice/, qr/remove one/ ],
    [ { secauth => 'yes' }, qr/"yes" is no way to treat/, qr/"block" or "passthrough"/ ],
);
for my $b (@broken) {
    my ($settings, $words, $remedy) = @$b;
    my ($name) = map { "$_ = " . (ref $settings->{$_} ? "@{ $settings->{$_} }" : $settings->{$_}) } keys %$settings;
    my ($status, $err, $place) = check(%$settings);
    is($status, 1, "$name: refused");
    my @hit = grep { /^\Q$place\Eerror: / && /$words/ && /; .*$remedy/ } split /\n/, $err;
    is(scalar @hit, 1, 'with place, fault and remedy') or diag $err;
}

my $speaks = $POLICY =~ s/^monitor.*\n//r . qq(monitor = { default = "drop"; rules = ( { types = [ "M_SP_TA_1" ]; } ); };\n);
for my $case ([ [], 1 ], [ ['cp24-types'], 0 ]) {
    my ($quirks, $warnings) = @$case;
    my ($status, $err, $place) = check(quirks => $quirks, policy_text => $speaks);
    is($status, 0, "a policy for a type of 101, quirks = [@$quirks]: good");
    is(scalar(grep { /^\Q$place\Ewarning: .*"cp24-types"/ } split /\n/, $err), $warnings, "with $warnings warnings") or diag $err;
}

# ---- the manual --------------------------------------------------------------------

{
    my %mark = (MONITOR => 'M', EITHER => 'MC', COMMAND => 'C');
    my %quirk = slurp("$ROOT/policy/quirk.def") =~ /^X\(QUIRK_\w+, \d+, "([^"]+)",\s+(\w+)/mg;
    my @list  = map { $mark{ $quirk{$_} } ? "$_ $mark{ $quirk{$_} }" : () } sort keys %quirk;
    my %said  = slurp("$ROOT/doc/gate104.conf.5") =~ /^\.It Ic ([\w-]+) Pq (\w+)$/mg;
    is_deeply([ map { "$_ $said{$_}" } sort keys %said ], \@list, 'gate104.conf(5) tells of each quirk, and where it goes');
}

done_testing;
