#!/usr/bin/perl
# Records leave for syslog: what the local socket gets, and what a collector has in the end
# when it, rsyslog or gate104 go away meanwhile.  rsyslogd runs with the configurations that
# are shipped, on ports, sockets and folders of the test.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Gate104;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_DGRAM MSG_DONTWAIT);
use Test::More;
use Time::HiRes qw(sleep time);

my ($RSYSLOGD) = grep { -x } map { "$_/rsyslogd" } split(/:/, $ENV{PATH}), '/usr/sbin';
my ($MODULES)  = grep { -d } glob '/usr/lib/*/rsyslog';
my $WINDOW     = 32;    # AUDIT_SHIP_WINDOW
my $pki        = pki();
my $rtu        = start_rtu();

sub config {
    my ($audit, %o) = @_;
    my $port = free_port();
    my $dir  = write_config(audit => $audit, routes => [ { name => 'r', mode => 'protect-rtu', enforce => \'true',
        rtu => ["127.0.0.1:$rtu->{port}"], listen => ["127.0.0.1:$port"] } ], %o);
    return ($dir, $port);
}

sub commands {
    my ($port, $count) = @_;
    my $m = run_master($port, tls_client($pki), ('single 1001 on accepted') x $count);
    is($m->{status}, 0, 'commands') or diag $m->{err};
}

sub lines_of { return split /(?<=\n)/, slurp($_[0]) }

# ---- the socket --------------------------------------------------------------------

sub listener {
    my ($path) = @_;
    unlink $path;
    my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
    chmod 0666, $path;
    return $s;
}

# The next message; undef if none comes.
sub hear {
    my ($l, $seconds) = @_;
    my $text;
    return wait_until(sub { defined $l->recv($text, 65536, MSG_DONTWAIT) && $text ne '' }, $seconds // 5) ? $text : undef;
}

# All there are until a record of this event.
sub hear_until {
    my ($l, $event) = @_;
    my @heard;
    while (defined(my $text = hear($l))) {
        push @heard, $text;
        return @heard if $text =~ /"event":"\Q$event\E"/;
    }
    diag "no $event";
    return @heard;
}

sub text_of { return map { /\] (\{.*)\z/s ? "$1\n" : "no text in $_" } @_ }

# RFC 5424 6: {pri, time, host, app, procid, msgid, sd => {id => {name => value}}, msg}.
sub parse {
    my ($m) = @_;
    my $name = qr/[\x21\x23-\x3C\x3E-\x5C\x5E-\x7E]{1,32}/;
    my $param = qr/$name="(?:[^"\\\]]|\\["\\\]])*"/;
    my $element = qr/\[$name(?: $param)*\]/;
    my %m;
    @m{qw(pri time host app procid msgid elements msg)} = $m =~
        /\A<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) ((?:$element)+|-) (.*)\z/s
        or return;
    while ($m{elements} =~ /\[($name)((?: $param)*)\]/g) {
        my ($id, $params) = ($1, $2);
        while ($params =~ / ($name)="((?:[^"\\\]]|\\["\\\]])*)"/g) {
            my ($k, $v) = ($1, $2);
            $m{sd}{$id}{$k} = $v =~ s/\\(["\\\]])/$1/gr;
        }
    }
    return \%m;
}

subtest 'messages' => sub {
    my $run = scratch();
    chmod 0755, $run;
    my $l = listener("$run/log");
    my ($dir, $port) = config(qq(ship = "all"; ship_socket = "$run/log"; ship_enterprise = 4711; ));
    my $g = start_gate104($dir);
    commands($port, 3);
    kill 'TERM', $g->{pid};
    my @heard = hear_until($l, 'log.closed');
    is(stop_process($g), 0, 'it stops');
    is_deeply([ text_of(@heard) ], [ lines_of("$dir/log/gate104.jsonl") ], 'every line of the log, in its order, to the last');
    my %pri = (alarm => 105, error => 107, warning => 108, notice => 109);
    my @bad;
    for my $text (@heard) {
        my $m = parse($text) or push(@bad, $text), next;
        my $r = decode_json($m->{msg});
        my $sd = $m->{sd}{'gate104@4711'} // {};
        push @bad, $text if $m->{pri} != $pri{ $r->{severity} } || $m->{time} ne $r->{time} || $m->{app} ne 'gate104'
            || $m->{msgid} ne $r->{event} || $sd->{SqNum} != $r->{seq} || ($sd->{'X.ROUTE'} // '') ne ($r->{route} // '')
            || ($sd->{'X.SESSION'} // '') ne ($r->{session} // '') || ($sd->{PeerInfo} // '') ne ($r->{source} // '')
            || ($sd->{UsrID} // '') ne ($r->{subject} // '') || $sd->{ID} ne ($r->{iec62351} // "4711:$r->{event}")
            || $sd->{SEVERITY} ne ($r->{iec62351_severity} // $r->{severity}) || $sd->{MNEMONIC} !~ /\A[A-Z0-9_]{1,64}\z/;
    }
    is_deeply(\@bad, [], 'all of them RFC 5424, and their data what the records say');
    ok((grep { /UsrID="[^"]*master/ } @heard), 'who it was');
    my ($mode) = (stat "$dir/log/ship.state")[2];
    is($mode & 07777, 0600, 'the place is nobody else\'s');
};

subtest 'security' => sub {
    my $run = scratch();
    chmod 0755, $run;
    my $l = listener("$run/log");
    my ($dir, $port) = config(qq(ship = "security"; ship_socket = "$run/log"; ));
    my $g = start_gate104($dir);
    commands($port, 3);
    kill 'TERM', $g->{pid};
    my @events = map { parse($_)->{msgid} } hear_until($l, 'log.closed');
    is(stop_process($g), 0, 'it stops');
    is(scalar(grep { /^op\./ } @events), 0, 'no commands');
    is(scalar(grep { $_ eq 'session.open' || $_ eq 'session.close' } @events), 2, 'but sessions') or diag "@events";
};

subtest 'the socket comes late, goes and comes back' => sub {
    my $run = scratch();
    chmod 0755, $run;
    my ($dir, $port) = config(qq(ship = "all"; ship_socket = "$run/log"; ship_lag = 5; ));
    my $g = start_gate104($dir);
    like(slurp($g->{err}), qr{^gate104d: \Q$run\E/log: No such file or directory; records wait in the log$}m, 'said once');
    commands($port, 60);
    ok(wait_record($dir, { event => 'log.ship-lag', severity => 'alarm' }, 20), 'an alarm, when they wait too long');
    my $l = listener("$run/log");
    my @heard = hear_until($l, 'log.ship-resumed');
    is_deeply([ text_of(@heard) ], [ lines_of("$dir/log/gate104.jsonl") ], 'then all come, in order');
    ok(wait_for_text($g->{err}, qr/^gate104d: \S+ is there$/m), 'and the operator is told');

    # One that reads a little and ends, time and again: what it had not read comes again.
    my @all = @heard;
    commands($port, 150);
    for (1 .. 3) {
        push @all, hear($l) // 'nothing' for 1 .. 10;
        close $l;
        $l = listener("$run/log");
    }
    push @all, hear_until($l, 'session.close');
    kill 'TERM', $g->{pid};
    push @all, hear_until($l, 'log.closed');
    is(stop_process($g), 0, 'it stops');
    my @log = lines_of("$dir/log/gate104.jsonl");
    my ($order, $again) = judge([ text_of(@all) ], \@log);
    is_deeply($order, \@log, 'nothing is lost, the order is kept');
    cmp_ok($again, '<=', 3 * $WINDOW, "no more comes twice than may have been in flight ($again)");
};

subtest 'restarts' => sub {
    my $run = scratch();
    chmod 0755, $run;
    my $l = listener("$run/log");
    my ($dir, $port) = config(qq(ship = "all"; ship_socket = "$run/log"; ));
    my $g = start_gate104($dir);
    my @all = hear_until($l, 'system.start');
    for my $round (1 .. 3) {
        # The test reads all the time: nothing is left in flight when gate104 ends.
        kill 'TERM', $g->{pid};
        push @all, hear_until($l, 'log.closed');
        is(stop_process($g), 0, 'it stops');
        $g = start_gate104($dir);
        push @all, hear_until($l, 'system.start');
    }
    is_deeply([ text_of(@all) ], [ (lines_of("$dir/log/gate104.jsonl"))[ 0 .. $#all ] ], 'after an orderly end nothing comes twice');

    my ($audit) = proc_of_role($g, 'audit');
    commands($port, 100);
    push @all, hear($l) for 1 .. 40;
    kill 'KILL', $audit;
    ok(wait_record($dir, { event => 'system.process-died' }), 'audit is killed');
    push @all, hear_until($l, 'system.process-died');
    kill 'TERM', $g->{pid};
    push @all, hear_until($l, 'log.closed');
    is(stop_process($g), 0, 'it stops');
    my @log = lines_of("$dir/log/gate104.jsonl");
    my ($order, $again) = judge([ text_of(@all) ], \@log);
    is_deeply($order, \@log, 'nothing is lost');
    cmp_ok($again, '<=', $WINDOW, "what was in flight comes twice ($again)");
};

# All files of the chain, the oldest first.
sub chain { return sort(glob "$_[0]/log/gate104-*.jsonl"), "$_[0]/log/gate104.jsonl" }

subtest 'rotation' => sub {
    my $run = scratch();
    chmod 0755, $run;
    my ($dir, $port) = config(qq(ship = "all"; ship_socket = "$run/log"; rotate_size = "16K"; retain_size = "32K"; ));
    my $g = start_gate104($dir);
    commands($port, 100);
    my @log = map { lines_of($_) } chain($dir);
    cmp_ok(scalar(() = chain($dir)), '>', 5, 'many files');
    is(decode_json($log[0])->{seq}, 1, 'none of them is deleted while it waits');
    my $l = listener("$run/log");
    my @all = hear_until($l, 'session.close');
    is_deeply([ text_of(@all) ], [ @log[ 0 .. $#all ] ], 'all come, from file to file');
    my @rest = hear_until($l, 'log.deleted');
    ok(@rest, 'then the old ones go');
    kill 'TERM', $g->{pid};
    push @rest, hear_until($l, 'log.closed');
    is(stop_process($g), 0, 'it stops');
    my @now = map { lines_of($_) } chain($dir);
    my @got = text_of(@all, @rest);
    is_deeply([ @got[ -@now .. -1 ] ], \@now, 'and the rest comes');
    is(scalar @got, decode_json($now[-1])->{seq}, 'each once');
};

# What arrived, without what had arrived before; and how much of that there was.  A line
# that is not of the log stays.
sub judge {
    my ($got, $log) = @_;
    my ($highest, $again, @new) = (0, 0);
    my %at;
    $at{ $log->[$_] } = $_ + 1 for 0 .. $#$log;
    for my $line (@$got) {
        my $n = $at{$line};
        if (defined $n && $n <= $highest) { $again++; next }
        push @new, $line;
        $highest = $n if defined $n;
    }
    return (\@new, $again);
}

# ---- rsyslog -----------------------------------------------------------------------

# A shipped configuration with each text replaced that a user has to replace, too; all of
# them have to be there.
sub adapted {
    my ($file, %by) = @_;
    my $text = slurp("$ROOT/$file");
    for my $k (sort { length $b <=> length $a } keys %by) {
        $text =~ s/\Q$k\E/$by{$k}/g or die "$file: no $k";
    }
    return $text;
}

my %CERTS = ('/etc/rsyslog.d/gate104/ca.crt' => "$pki/ca.crt");

sub start_rsyslog {
    my ($dir, $name) = @_;
    unlink "$dir/$name.pid";
    my $p = spawn_process([ $RSYSLOGD, '-n', '-f', "$dir/$name.conf", '-i', "$dir/$name.pid" ]);
    wait_until(sub { -s "$dir/$name.pid" || !alive($p) });
    die "rsyslogd: " . slurp($p->{err}) if !alive($p);
    return $p;
}

sub has_modules { return !grep { !-e "$MODULES/$_.so" } @_ }

# {local, collector: processes; dir; file: what the collector has}
sub lab {
    my ($way, $driver) = @_;
    my $dir = scratch();
    chmod 0755, $dir;
    mkdir "$dir/$_" for qw(spool-local spool-collector remote);
    my ($tls, $relp) = (free_port(), free_port());
    my $conf = adapted('debian/rsyslog-gate104.conf', %CERTS, '/run/gate104-syslog/log' => "$dir/log",
        'target="collector.example"' => 'target="127.0.0.1"', 'ermittedPeers="collector.example"' => 'ermittedPeers="station.lab"',
        'ermittedPeer="collector.example"' => 'ermittedPeer="station.lab"', 'port="6514"' => qq(port="$tls"), 'port="2514"' => qq(port="$relp"),
        '/etc/rsyslog.d/gate104/client.crt' => "$pki/master.crt", '/etc/rsyslog.d/gate104/client.key' => "$pki/master.key",
        'action.resumeInterval="5"' => 'action.resumeInterval="1"', 'StreamDriver="gtls"' => qq(StreamDriver="$driver"));
    my $other = $way eq 'tls' ? 'relp' : 'tls';
    $conf =~ s/^    action\(name="gate104-$other".*?\)\n//ms or die "no action for $other";
    spew("$dir/local.conf", qq(global(workDirectory="$dir/spool-local")\nmodule(load="imuxsock" SysSock.Use="off")\n) . $conf);
    $conf = adapted('debian/rsyslog-gate104-collector.conf', %CERTS, 'ermittedPeer=["station.example"]' => 'ermittedPeer=["master.lab"]',
        'port="6514"' => qq(port="$tls" address="127.0.0.1"), 'port="2514"' => qq(port="$relp" address="127.0.0.1"), '/var/log/gate104-remote' => "$dir/remote",
        '/etc/rsyslog.d/gate104/server.crt' => "$pki/station.crt", '/etc/rsyslog.d/gate104/server.key' => "$pki/station.key",
        'StreamDriver.Name="gtls"' => qq(StreamDriver.Name="$driver"));
    spew("$dir/collector.conf", qq(global(workDirectory="$dir/spool-collector")\n) . $conf);
    return { dir => $dir, collector => start_rsyslog($dir, 'collector'), local => start_rsyslog($dir, 'local') };
}

sub collected {
    my ($lab) = @_;
    my ($file) = glob "$lab->{dir}/remote/*.jsonl";
    return $file ? lines_of($file) : ();
}

# Waits until the collector has the last line of the log.
sub arrived {
    my ($lab, $dir) = @_;
    return wait_until(sub {
        my $last = (lines_of("$dir/log/gate104.jsonl"))[-1];
        my @got = collected($lab);
        return @got && $got[-1] eq $last;
    }, 30);
}

# Up to which record the syslog daemon has everything.
sub shipped {
    my ($dir) = @_;
    my %seq = map { /^gate104 ship 1 (\d+) \d+ \d+ (\d+)/ ? ($1 => $2) : () } unpack '(a256)*', slurp("$dir/log/ship.state") =~ s/\0//gr;
    my ($newest) = sort { $b <=> $a } keys %seq;
    return defined $newest ? 0 + $seq{$newest} : 0;
}

sub kill_rsyslog { my ($p) = @_; kill 'KILL', $p->{pid}; wait_until(sub { !alive($p) }) }

for my $way ([ 'tls', 'ossl' ], [ 'tls', 'gtls' ], [ 'relp', 'gtls' ]) {
    my ($how, $driver) = @$way;
    subtest "rsyslog, $how, $driver" => sub {
        plan skip_all => 'no rsyslogd' if !$RSYSLOGD || !$MODULES;
        plan skip_all => 'not all modules of rsyslog' if !has_modules('imuxsock', "lmnsd_$driver", 'imtcp', 'imrelp', 'omrelp');
        my $lab = lab($how, $driver);
        my ($dir, $port) = config(qq(ship = "all"; ship_socket = "$lab->{dir}/log"; ));
        my $g = start_gate104($dir);
        commands($port, 20);
        ok(arrived($lab, $dir), 'records arrive');
        my @log = lines_of("$dir/log/gate104.jsonl");
        is_deeply([ collected($lab) ], \@log, 'as they are in the log');
        is((run_command([ bin('gate104'), 'log', 'verify', glob "$lab->{dir}/remote/*.jsonl" ]))[0], 0, 'and can be verified like it');

        my ($order, $again);
        # It sees too late that its collector is away.
        if ($driver ne 'ossl') {
            kill_rsyslog($lab->{collector});
            commands($port, 30);
            $lab->{collector} = start_rsyslog($lab->{dir}, 'collector');
            commands($port, 5);
            ok(arrived($lab, $dir), 'a collector was away and is back');
            ($order, $again) = judge([ collected($lab) ], [ @log = lines_of("$dir/log/gate104.jsonl") ]);
            is_deeply($order, \@log, 'it has all of them, in order');
            is($again, 0, 'and once') if $how eq 'tls';
        }

        # With what it had taken and could not yet send.  (What it had sent by RELP and was
        # not told of is in its memory.)
        my $both = $how eq 'tls' && $driver ne 'ossl';
        kill_rsyslog($lab->{collector}) if $both;
        commands($port, 30);
        ok(wait_until(sub { shipped($dir) == scalar lines_of("$dir/log/gate104.jsonl") }), 'rsyslog has all');
        kill_rsyslog($lab->{local});
        commands($port, 30);
        $lab->{collector} = start_rsyslog($lab->{dir}, 'collector') if $both;
        $lab->{local} = start_rsyslog($lab->{dir}, 'local');
        commands($port, 5);
        ok(arrived($lab, $dir), 'rsyslog was killed and is back');
        ($order, $again) = judge([ collected($lab) ], [ @log = lines_of("$dir/log/gate104.jsonl") ]);
        is_deeply($order, \@log, 'nothing is lost');

        is(stop_process($g, 'TERM'), 0, 'gate104 stops');
        $g = start_gate104($dir);
        commands($port, 5);
        is(stop_process($g, 'TERM'), 0, 'and again');
        ok(arrived($lab, $dir), 'its last words arrive');
        ($order, $again) = judge([ collected($lab) ], [ @log = lines_of("$dir/log/gate104.jsonl") ]);
        is_deeply($order, \@log, 'nothing is lost');
        stop_process($_, 'TERM') for @$lab{qw(local collector)};
    };
}

done_testing;
