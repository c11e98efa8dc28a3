#!/usr/bin/perl
# Recordings of a route: every APDU on both legs, which tshark decodes with no options and
# the log vouches for, and which costs neither the log nor a command anything.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA;
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();
my $TSHARK = grep { -x "$_/tshark" } split /:/, $ENV{PATH};
my $home = scratch();
$ENV{HOME} = $home;
my @verifiers = ([ bin('gate104'), 'log', 'verify', '--json' ], [ 'python3', "$ROOT/tests/lib/log_verify.py" ]);

# A recorded route with a simulated RTU behind it.
sub start_recorded {
    my ($audit, %o) = @_;
    my $rtu = start_rtu(@{ $o{rtu} // [] });
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], record => 'pcapng', %{ $o{route} // {} } },
                        audit => $audit);
    return (%$g, rtu => $rtu);
}

sub commands {
    my ($g, @words) = @_;
    my $master = run_master($g->{port}, tls_client($pki), @words);
    return $master->{status};
}

sub recordings { my ($dir) = @_; return sort glob "$dir/log/recordings/*" }
sub told { my ($dir, %want) = @_; return grep { my $r = $_; $r->{event} eq 'log.recorded' && !grep { ($r->{$_} // '') ne $want{$_} } keys %want } records($dir) }

# Each file is what the log says of it; gives what it says.
sub are_told {
    my ($dir) = @_;
    my %told = map { $_->{detail} => $_ } grep { $_->{why} ne 'deleted' } told($dir);
    my @files = recordings($dir);
    is(join(' ', map { s{.*/log/}{}r } @files), join(' ', grep { -e "$dir/log/$_" } sort keys %told), 'the log names each file');
    for my $file (@files) {
        my $r = $told{ $file =~ s{.*/log/}{}r } or next;
        is(Digest::SHA->new(256)->addfile($file)->hexdigest, $r->{sha256}, 'its hash');
        is(-s $file, $r->{size}, 'its size');
        is((stat $file)[2] & 07777, 0640, 'its rights');
    }
    return map { $told{ $_ =~ s{.*/log/}{}r } // () } @files;
}

sub verify_is {
    my ($dir, $want, $what) = @_;
    my @got;
    for my $v (@verifiers) {
        my ($status, $out) = run_command([ @$v, "$dir/log" ]);
        push @got, $out if $out =~ /^\{/;
        is($status, $want, "$what: $v->[1]") or diag $out;
    }
    return join "\n", @got;
}

# What tshark reads: a list of {field => value}.
my @FIELDS = qw(frame.interface_name frame.p2p_dir iec60870_104.type iec60870_asdu.typeid iec60870_asdu.causetx iec60870_asdu.nega
    exported_pdu.ipv4_src exported_pdu.src_port exported_pdu.dst_port frame.time_epoch frame.comment _ws.malformed _ws.col.Info);
sub tshark {
    my (@files) = @_;
    my @packets;
    for my $file (@files) {
        my ($status, $out, $err) = run_command([ 'tshark', '-r', $file, '-T', 'fields', map { ('-e', $_) } @FIELDS ]);
        is($status, 0, 'tshark reads it') or diag $err;
        for my $line (split /\n/, $out) {
            my %p;
            @p{@FIELDS} = split /\t/, $line, -1;
            push @packets, \%p;
        }
    }
    return @packets;
}

# in: 0x00000001 or Received of either version of the field.
sub counts {
    my (@packets) = @_;
    my %n;
    $n{ join ' ', $_->{'frame.interface_name'}, $_->{'frame.p2p_dir'} eq '1' ? 'in' : 'out', hex $_->{'iec60870_104.type'} }++ for @packets;
    return sub { return $n{"@_"} // 0 };
}

subtest 'what a session did' => sub {
    my %g = start_recorded('');
    is(commands(\%g, 'gi', 'single 1001 on', 'single 3001 on', 'single 1002 off'), 0, 'commands are answered');
    my $close = wait_record($g{dir}, { event => 'session.close' });
    is($close->{refused}, 1, 'one is refused') or return;
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
    my ($told) = are_told($g{dir});
    is($told->{why}, 'stop', 'closed by the stop');
    is($told->{route}, 'r', 'of its route');
    is($told->{lost}, 0, 'nothing is missing');
    like($told->{detail}, qr{^recordings/r-\d{8}T\d{6}Z-000\.pcapng$}, 'its name');
    my $out = verify_is($g{dir}, 0, 'the log verifies');
    like($out, qr/"recordings":\{"named":1,"good":1,/, 'and the recording with it');
    is(join("\n", log_faults($g{dir})), '', 'its chain holds');
SKIP: {
        skip 'no tshark', 20 if !$TSHARK;
        my @packets = tshark(recordings($g{dir}));
        is(scalar @packets, $told->{count}, 'as many packets as the log says');
        is(scalar(grep { $_->{'iec60870_104.type'} eq '' || $_->{'_ws.malformed'} || $_->{'_ws.col.Info'} !~ /^(?:->|<-) (?:[SU] |I \(\d+,\d+\) ASDU=1 )/ } @packets), 0, 'each is decoded');
        my $n = counts(@packets);
        my %type = (i => 0, s => 1, u => 3);
        for my $format (sort keys %type) {
            is($n->('master', 'in', $type{$format}), $close->{"master_$format"}, "$format-frames of the master, as the log counts");
            is($n->('station', 'in', $type{$format}), $close->{"station_$format"}, "$format-frames of the station");
        }
        is($n->('station', 'out', 0), $close->{master_i} - 1, 'the refused one never left for the station');
        is($n->('master', 'out', 0), $close->{station_i} + 1, 'and got its answer');
        is(scalar(grep { $_->{'frame.interface_name'} eq 'master' && $_->{'frame.p2p_dir'} ne '1' && ($_->{'iec60870_asdu.nega'} // '') =~ /^(?:1|True)$/i } @packets), 1, 'which is negative');
        my %record = map { $_->{seq} => $_ } records($g{dir});
        my %named;
        for my $p (grep { $_->{'frame.comment'} =~ /record/ } @packets) {
            my ($seq, $event) = $p->{'frame.comment'} =~ /record (\d+): (\S+)/ or next;
            is($record{$seq}{event}, $event, 'a comment names a record');
            is($record{$seq}{type_id}, $p->{'iec60870_asdu.typeid'}, 'about this APDU');
            $named{$event}++;
        }
        is($named{'op.command'}, 3, 'each command');
        is($named{'policy.refused'}, 1, 'and the refused one');
        my ($first) = @packets;
        my ($client) = $record{ (grep { $record{$_}{event} eq 'session.open' } keys %record)[0] }{source} =~ /:(\d+)$/;
        is("$first->{'exported_pdu.ipv4_src'} $first->{'exported_pdu.src_port'} $first->{'exported_pdu.dst_port'}", "127.0.0.1 $client 2404", 'from the master, who is named, to the station');
        like($first->{'frame.comment'}, qr/^session $close->{session}/, 'the session, too');
        cmp_ok(abs($first->{'frame.time_epoch'} - time), '<', 600, 'with its time');
    }
};

# Both legs, APDU by APDU, and the master's through the policy that was enforced.
subtest 'decode and replay' => sub {
    my $policy = qq(control = { default = "refuse"; rules = ( { types = [ "C_IC_NA_1" ]; }, { types = [ "C_SC_NA_1" ]; ioa = [ "1001-1002" ]; } ); };\n);
    my %g = start_recorded('', route => { policy_text => $policy });
    is(commands(\%g, 'gi', 'single 1001 on', 'single 1003 on refused', 'single 1002 off', 'clock refused', 'setpoint-float 1301 1 refused'), 0, 'commands are answered')
        for 1, 2;
    ok(wait_until(sub { (grep { $_->{event} eq 'session.close' } records($g{dir})) == 2 }), 'two sessions');
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
    my @close = grep { $_->{event} eq 'session.close' } records($g{dir});
    my ($told) = are_told($g{dir});
    my ($file) = recordings($g{dir});
    my ($s, $o, $e) = run_command([ bin('gate104'), 'decode', '--json', '--pcap', $file ]);
    is($s, 0, 'decode takes it') or diag $e;
    my @apdus = Gate104::json_lines($o);
    is(scalar @apdus, $told->{count}, 'as many APDUs as the log says');
    is(scalar(grep { $_->{verdict} ne 'accepted' || $_->{offset} != 0 } @apdus), 0, 'each by itself');
    is(join(' ', map { $_->{packet} } @apdus), join(' ', 1 .. @apdus), 'in the order of the file');
    my $legs = sub { my ($leg, $direction) = @_; return scalar grep { $_->{interface} == $leg && $_->{direction} eq $direction && $_->{frame} eq 'I' } @apdus };
    my $sum = sub { my ($key) = @_; my $n = 0; $n += $_->{$key} for @close; return $n };
    is($legs->(0, 'control'), $sum->('master_i'), 'I-frames of the masters');
    is($legs->(1, 'monitor'), $sum->('station_i'), 'of the station');
    is($legs->(1, 'control'), $sum->('master_i') - $sum->('refused'), 'to the station');
    is($legs->(0, 'monitor'), $sum->('station_i') + $sum->('refused'), 'to the masters');
    my %client = map { $_->{source} => 1 } grep { $_->{event} eq 'session.open' } records($g{dir});
    is(join(' ', sort grep { /^127/ } do { my %from = map { $_->{source} => 1 } grep { $_->{direction} eq 'control' } @apdus; keys %from }),
       join(' ', sort keys %client), 'who the masters were');
    like((run_command([ bin('gate104'), 'decode', '--brief', '--pcap', $file ]))[1], qr/^APDU 1: packet 1, interface 0, \S+, 127\S+ > 127\.0\.0\.1:2404, /, 'text tells the leg');

    ($s, $o) = run_command([ bin('gate104'), 'policy', 'replay', '--json', '--policy', "$g{dir}/policy-0.policy", $file ]);
    is($s, 1, 'replay refuses something') or diag $o;
    my @refused = map { $_->{apdu} } grep { $_->{event} eq 'policy.refused' } records($g{dir});
    is(join("\n", map { $_->{apdu} // () } Gate104::json_lines($o)), join("\n", @refused), 'what was refused, no more and no less');
    is(scalar @refused, 6, 'six commands');
    ($s, undef, $e) = run_command([ bin('gate104'), 'policy', 'learn', $file ]);
    is($s, 0, 'learn takes it') or diag $e;
    like($e, qr/, 2 sessions$/m, 'both sessions');
    like($e, qr/^  C_SC_NA_1 +6 APDUs, 3 points$/m, 'each command once');
    (undef, $o) = run_command([ bin('gate104-sim'), 'rtu', '--replay-list', $file ]);
    is(scalar(() = $o =~ /\n/g), $legs->(0, 'monitor'), 'the simulator plays what the masters got');
};

subtest 'a wrapped master' => sub {
    my $rtu = start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/station.crt", '--key', "$pki/station.key");
    my $g = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$rtu->{port}"], peer_name => 'station.lab', record => 'pcapng' },
                        tls => { cert => "$pki/master.crt", key => "$pki/master.key" });
    is(run_master($g->{port}, 'gi', 'single 1001 on', 'single 3001 on')->{status}, 0, 'commands are answered');
    my $close = wait_record($g->{dir}, { event => 'session.close' });
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    my ($told) = are_told($g->{dir});
    is($told->{lost}, 0, 'nothing is missing');
SKIP: {
        skip 'no tshark', 5 if !$TSHARK;
        my $n = counts(tshark(recordings($g->{dir})));
        is($n->('master', 'in', 0), $close->{master_i}, 'I-frames of the master');
        is($n->('station', 'in', 0), $close->{station_i}, 'of the station');
        is($n->('station', 'out', 0), $close->{master_i} - $close->{refused}, 'to the station');
        is($n->('master', 'out', 0), $close->{station_i} + $close->{refused}, 'to the master');
    }
};

subtest 'files have an end' => sub {
    my %g = start_recorded('record_size = "64K"; record_retain_size = "200K"; ');
    is(commands(\%g, ('gi') x 40), 0, 'forty interrogations');
    ok(wait_until(sub { told($g{dir}, why => 'deleted') > 0 }), 'the oldest go') or return;
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
    cmp_ok(scalar told($g{dir}, why => 'size'), '>=', 4, 'files are closed by their size');
    my @told = are_told($g{dir});
    is(scalar(grep { $_->{lost} } @told), 0, 'nothing is missing');
    my $sum = 0;
    $sum += -s $_ for recordings($g{dir});
    cmp_ok($sum, '<', 400 << 10, 'what is kept has a bound');
    my @deleted = told($g{dir}, why => 'deleted');
    is(scalar(grep { -e "$g{dir}/log/$_->{detail}" } @deleted), 0, 'what is told as deleted is gone');
    verify_is($g{dir}, 0, 'and is not missed');
};

subtest 'by time' => sub {
    my %g = start_recorded('record_interval = 1; ');
    is(commands(\%g, 'gi'), 0, 'an interrogation');
    ok(wait_record($g{dir}, { event => 'log.recorded', why => 'interval' }), 'a file is closed by its age');
    ok(wait_until(sub { !grep { /\.open$/ } recordings($g{dir}) }), 'and gets its name');
    are_told($g{dir});
    verify_is($g{dir}, 0, 'while gate104 runs');
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
};

subtest 'what was changed is found' => sub {
    my %g = start_recorded('');
    is(commands(\%g, 'gi'), 0, 'an interrogation');
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
    my ($file) = recordings($g{dir});
    my $octets = slurp($file);
    spew($file, $octets . "\0");
    like(verify_is($g{dir}, 1, 'an octet more'), qr/pcapng has \d+ octets, and had/, 'is named');
    substr(my $other = $octets, 300, 1) ^= "\1";
    spew($file, $other);
    like(verify_is($g{dir}, 1, 'another octet'), qr{recordings/r-\S+ was changed}, 'is named');
    unlink $file;
    symlink '/etc/passwd', $file;
    verify_is($g{dir}, 1, 'a link');
    unlink $file;
    like(verify_is($g{dir}, 2, 'no file'), qr{recordings/r-\S+ is missing}, 'is named');
    my ($status, $out) = run_command([ @{ $verifiers[0] }, '--log-alone', "$g{dir}/log" ]);
    is($status, 0, 'unless nobody asks');
    spew($file, $octets);
    verify_is($g{dir}, 0, 'as it was');
};

subtest 'killed' => sub {
    my %g = start_recorded('');
    my $m = Raw104->connect_tls($g{port}, $pki);
    ok($m->start, 'a session') or return;
    ok(wait_until(sub { grep { /\.open$/ && -s $_ > 500 } recordings($g{dir}) }), 'a recording begins') or return;
    my ($first) = recordings($g{dir});
    my ($audit) = proc_of_role($g{gate}, 'audit');
    kill 'KILL', $audit;
    ok(wait_record($g{dir}, { event => 'log.recorded', why => 'unfinished' }), 'what an audit process left behind is told');
    ok(wait_until(sub { grep { $_->{event} eq 'log.monitor-only-off' } records($g{dir}) }), 'the log works again');
    $m->send($m->ack, $m->i($Raw104::SINGLE_ON));
    ok($m->until_apdu($Raw104::SINGLE_CON), 'a command');
    ok(wait_until(sub { my @open = grep { /\.open$/ && -s $_ > 500 } recordings($g{dir}); @open == 1 && $open[0] ne $first }), 'a new recording');
    # All at once, as when the power fails.
    my @all = ($g{gate}{pid}, children_of($g{gate}{pid}));
    kill 'KILL', @all;
    ok(wait_until(sub { !grep { kill 0, $_ } @all[ 1 .. $#all ] }), 'all are gone');
    stop_process($g{gate}, 'KILL');
    my $again = start_gate104($g{dir});
    ok(wait_until(sub { !grep { /\.open$/ } recordings($g{dir}) }), 'and what gate104 left behind');
    is(scalar told($g{dir}, why => 'unfinished'), 2, 'each once');
    is(stop_process($again, 'TERM'), 0, 'clean stop');
    are_told($g{dir});
    verify_is($g{dir}, 0, 'it verifies');
    is(scalar(grep { /\.open$/ } recordings($g{dir})), 0, 'none is open');
};

# The relay goes on; what has no room is counted, to the last APDU.
subtest 'audit stands still' => sub {
    my %g = start_recorded('', rtu => [ '--rate', 5000, '--event-types', 33 ], route => { k => 500, w => 300 });
    my $m = spawn_process([ bin('gate104-sim'), 'master', '--json', '--timeout', 20, '--connect', "127.0.0.1:$g{port}", tls_client($pki), 'wait 60' ]);
    my $came = sub { return scalar(() = slurp($m->{out}) =~ /"sent":false/g) };
    ok(wait_until(sub { $came->() > 0 }), 'values flow') or return;
    my ($audit) = proc_of_role($g{gate}, 'audit');
    kill 'STOP', $audit;
    my $before = $came->();
    my $more = wait_until(sub { $came->() > $before + 9000 }, 30);
    kill 'CONT', $audit;
    ok($more, 'and go on while audit stands still');
    stop_process($m, 'TERM');
    my $close = wait_record($g{dir}, { event => 'session.close' });
    is(stop_process($g{gate}, 'TERM'), 0, 'clean stop');
    my ($written, $lost) = (0, 0);
    for my $r (are_told($g{dir})) {
        $written += $r->{count};
        $lost += $r->{lost};
    }
    cmp_ok($lost, '>', 0, 'some were not recorded');
    cmp_ok($written, '>', 1000, 'others were');
    # Nothing was refused: what came left again, but for S-frames and what was cut off at the end.
    my $in = 0;
    $in += $close->{$_} for grep { /^(?:master|station)_[isu]$/ } keys %$close;
    my $sent = $written + $lost - $in;
    cmp_ok($sent, '>=', $close->{master_i} + $close->{station_i} - 1000, 'each that came is recorded or counted, and each that left');
    cmp_ok($sent, '<=', $in, 'and no other');
    verify_is($g{dir}, 0, 'it verifies');
};

# ---- a disk that fills ----

my @disks;
END {
    local $?;
    system 'umount', '-l', $_ for @disks;
}

sub small_disk {
    return (undef, 'needs root') if $> != 0;
    my $disk = scratch();
    my ($status, undef, $err) = run_command([ 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'gate104-test', $disk ]);
    return (undef, "no small file system here: $err") if $status != 0;
    push @disks, $disk;
    mkdir "$disk/log", 0700;
    chown((getpwnam 'nobody')[2, 3], "$disk/log");
    return $disk;
}

sub fill {
    my ($disk, $percent) = @_;
    my ($status, $out) = run_command([ 'stat', '-f', '-c', '%b %f', $disk ]);
    my ($blocks, $free) = split ' ', $out;
    open my $ballast, '>>', "$disk/ballast" or die $!;
    syswrite $ballast, 'x' x 4096 for 1 .. int($blocks * $percent / 100) - ($blocks - $free);
    return;
}

SKIP: {
    my ($disk, $why) = small_disk();
    skip $why, 1 if !$disk;
    subtest 'a disk that fills' => sub {
        my $rtu  = start_rtu('--t1', 120);
        my $port = free_port();
        my $dir  = write_config(audit => 'reserve = "64K"; ', routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"],
                                                                          rtu => ["127.0.0.1:$rtu->{port}"], record => 'pcapng' } ]);
        rmdir "$dir/log";
        symlink "$disk/log", "$dir/log";
        my $gate = start_gate104($dir);
        my %g = (port => $port, dir => $dir);
        is(commands(\%g, 'gi'), 0, 'recorded');
        fill($disk, 83);
        ok(wait_record($dir, { event => 'log.recording-gap', why => 'disk' }), 'recording stops') or return;
        ok(wait_record($dir, { event => 'log.recorded', why => 'disk' }), 'and its file is closed');
        my @files = recordings($dir);
        is(commands(\%g, 'gi', 'single 1001 on'), 0, 'commands pass');
        is(join(' ', recordings($dir)), "@files", 'unrecorded');
        unlink "$disk/ballast";
        my $over = wait_record($dir, { event => 'log.recording-gap', why => 'over' });
        cmp_ok($over->{lost}, '>', 40, 'it begins by itself, and says what was lost');
        is(commands(\%g, 'single 1002 on'), 0, 'recorded again');
        # It would fill the disk at once; the log is never in want.
        is(commands(\%g, ('gi') x 50), 0, 'more than the disk takes') for 1 .. 2;
        ok(wait_until(sub { grep({ $_->{event} eq 'log.recording-gap' && $_->{why} ne 'over' } records($dir)) >= 2 }), 'it stops again');
        is(commands(\%g, 'single 1003 on'), 0, 'and a command passes');
        is(scalar(grep { $_->{event} =~ /^log\.(?:gap|monitor-only-on)$/ } records($dir)), 0, 'no record was lost, no command refused');
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        are_told($dir);
        verify_is($dir, 0, 'it verifies');
    };
}

done_testing;
