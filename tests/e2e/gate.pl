#!/usr/bin/perl
# A gate: relays SMTP connections, and at one point of them does what the test asked for.
#
#   gate.pl PORT TARGET-PORT DIRECTORY
#
# The point and what happens there stand in DIRECTORY/plan, as "POINT NUMBER ACTION [TEXT]", read when
# the point is reached and taken away then. The NUMBER counts over all connections since the last plan.
#
#   connect   somebody connected and was not greeted yet
#   rcpt      a RCPT of the client was read and not passed on
#   data      a DATA
#   dot       the end of a message, of which the server has all but that
#   ack       the server answered to the end of a message, which the client was not told
#   quit      QUIT of the client was read: all is done
#
#   pass      make DIRECTORY/held, stand still until somebody has removed it, and go on
#   drop      the same, and then close the connection on both sides
#   close     the latter, at once
#   answer    close the server's side, and give the client TEXT as the answer
#
# DIRECTORY/trace tells what was passed on, a point a line. Ends with SIGTERM.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($port, $target, $directory) = @ARGV;
die "usage: gate.pl PORT TARGET-PORT DIRECTORY\n" unless defined $directory;

my %reached;       # number of times, by point
my %connection;    # of either socket's fileno
my $select = IO::Select->new;
local $SIG{TERM} = sub { exit 0 };
local $SIG{PIPE} = 'IGNORE';
$| = 1;

sub trace {
    my ($text) = @_;
    open my $file, '>>', "$directory/trace" or die "$directory/trace: $!\n";
    print {$file} "$text\n";
    close $file or die "$directory/trace: $!\n";
    return;
}

# The action for this point, and its text.
sub planned {
    my ($point) = @_;
    my $number = ++$reached{$point};
    my $file;
    if (!open $file, '<', "$directory/plan") {
        %reached = ();
        return ('', '');
    }
    my $line = <$file> // '';
    close $file;
    my ($at, $count, $action, $text) = $line =~ /^(\w+) (\d+) (\w+) ?(.*)/ or return ('', '');
    return ('', '') unless $at eq $point && $count == $number;
    unlink "$directory/plan" or die "$directory/plan: $!\n";
    %reached = ();
    return ($action, $text);
}

sub stand_still {
    my $path = "$directory/held";
    open my $file, '>', "$path.part" or die "$path: $!\n";
    close $file;
    rename "$path.part", $path or die "$path: $!\n";
    select undef, undef, undef, 0.02 while -e $path;
    return;
}

sub hang_up {
    my ($socket) = @_;
    return unless $socket;
    $select->remove($socket);
    delete $connection{ fileno $socket };
    close $socket;
    return;
}

sub drop {
    my ($c) = @_;
    hang_up($c->{client});
    hang_up($c->{server});
    $c->{client} = $c->{server} = undef;
    return;
}

# May the connection go on?
sub goes_on {
    my ($c, $point) = @_;
    my ($action, $text) = planned($point);
    stand_still() if $action eq 'pass' || $action eq 'drop';
    trace($action eq '' ? $point : "$point $action");
    if ($action eq 'drop' || $action eq 'close') {
        drop($c);
        return 0;
    }
    if ($action eq 'answer') {
        hang_up($c->{server});
        $c->{server} = undef;
        $c->{state}  = 'over';
        syswrite $c->{client}, "$text\r\n";
        return 0;
    }
    return 1;
}

# Returns whether what the client said may be passed on.
sub from_client {
    my ($c, $bytes) = @_;
    if ($c->{state} eq 'over') {    # we are the server now
        syswrite $c->{client}, "221 2.0.0 Bye\r\n";
        drop($c);
        return 0;
    }
    if ($c->{state} eq 'data') {
        $c->{tail} = substr $c->{tail} . $bytes, -5;
        return 1 if $c->{tail} ne "\r\n.\r\n";
        $c->{state} = 'answer';
        return goes_on($c, 'dot');
    }
    return goes_on($c, lc $1) if $bytes =~ /^(RCPT|DATA|QUIT)\b/mi;
    return 1;
}

sub from_server {
    my ($c, $bytes) = @_;
    if ($c->{state} eq 'talk' && $bytes =~ /^354/m) {
        $c->{state} = 'data';
        $c->{tail}  = "\r\n";
    }
    elsif ($c->{state} eq 'answer' && $bytes =~ /^[245]\d\d /m) {
        $c->{state} = 'talk';
        return goes_on($c, 'ack');
    }
    return 1;
}

sub pass {
    my ($socket) = @_;
    my $c = $connection{ fileno $socket } or return;
    my $is_client = $c->{client} && $socket == $c->{client};
    my $count     = sysread $socket, my $bytes, 65536;
    return drop($c) unless $count;
    ($is_client ? from_client($c, $bytes) : from_server($c, $bytes)) or return;
    my $other = $is_client ? $c->{server} : $c->{client};
    my $done  = 0;
    while ($done < length $bytes) {
        my $written = syswrite $other, $bytes, length($bytes) - $done, $done;
        return drop($c) unless $written;
        $done += $written;
    }
    return;
}

sub welcome {
    my ($client) = @_;
    my $c = { client => $client, state => 'talk', tail => '' };
    goes_on($c, 'connect') or return;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $target);
    if (!$server) {
        print {$client} "421 4.3.2 The server behind the gate does not answer\r\n";
        close $client;
        return;
    }
    $c->{server} = $server;
    for my $end ($client, $server) {
        $connection{ fileno $end } = $c;
        $select->add($end);
    }
    return;
}

my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1, Proto => 'tcp'
) or die "port $port: $!\n";
$select->add($listener);
while (1) {
    for my $socket ($select->can_read) {
        if ($socket != $listener) {
            pass($socket);
        }
        elsif (my $client = $listener->accept) {
            welcome($client);
        }
    }
}
