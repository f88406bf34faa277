#!/usr/bin/perl
# A gate in front of a milter: relays the milter protocol, and stands still before an answer that the
# test asked for.
#
#   milter_gate.pl SOCKET TARGET-SOCKET DIRECTORY
#
# Sockets are Unix ones. DIRECTORY/plan holds "LETTER NUMBER": before the NUMBER-th answer of this kind
# to the end of a message is passed on (b: a piece of the new body, -: a recipient less, h, i, m:
# header fields, c: that is all), DIRECTORY/held is made, and removed by whoever wants
# it to go on. What the filter said before has reached the MTA then. "after c 1" stands still once that
# answer has been passed on. If the filter is gone by then, so is the answer.
#
# DIRECTORY/trace holds the letters of all answers to ends of messages.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($path, $target, $directory) = @ARGV;
die "usage: milter_gate.pl SOCKET TARGET-SOCKET DIRECTORY\n" unless defined $directory;

my %connection;    # of either socket's fileno
my $select = IO::Select->new;
local $SIG{TERM} = sub { exit 0 };
local $SIG{PIPE} = 'IGNORE';

sub drop {
    my ($c) = @_;
    for my $end ($c->{mta}, $c->{filter}) {
        $select->remove($end);
        delete $connection{ fileno $end };
        close $end;
    }
    return;
}

sub put {
    my ($socket, $bytes) = @_;
    my $done = 0;
    while ($done < length $bytes) {
        my $written = syswrite $socket, $bytes, length($bytes) - $done, $done;
        return 0 unless $written;
        $done += $written;
    }
    return 1;
}

sub stand_still {
    unlink "$directory/plan";
    open my $file, '>', "$directory/held.part" or die "$directory/held: $!\n";
    close $file;
    rename "$directory/held.part", "$directory/held" or die "$directory/held: $!\n";
    select undef, undef, undef, 0.02 while -e "$directory/held";
    return;
}

# Is this the answer that the plan names? Returns '', 'before' or 'after'.
sub planned {
    my ($c, $letter) = @_;
    my $number = ++$c->{answers}{$letter};
    open my $file, '<', "$directory/plan" or return '';
    my $line = <$file> // '';
    close $file;
    my ($after, $what, $count) = $line =~ /^(after )?(\S) (\d+)/ or return '';
    return '' unless $what eq $letter && $count == $number;
    return $after ? 'after' : 'before';
}

# One answer of the filter, with its length in front. Returns whether the connection goes on.
sub answer {
    my ($c, $packet) = @_;
    my $letter = substr $packet, 4, 1;
    return put($c->{mta}, $packet) unless $c->{ends};
    my $when = planned($c, $letter);
    if ($when eq 'before') {
        stand_still();
        return 0;
    }
    open my $file, '>>', "$directory/trace" or die "$directory/trace: $!\n";
    print {$file} "$letter\n";
    close $file;
    $c->{ends} = 0 if $letter =~ /[acdrty]/;
    put($c->{mta}, $packet) or return 0;
    stand_still() if $when eq 'after';
    return 1;
}

# Takes whole packets off the front of a buffer and calls for each.
sub packets {
    my ($buffer, $each) = @_;
    while (length $$buffer >= 5) {
        my $size = 4 + unpack 'N', $$buffer;
        last if length $$buffer < $size;
        $each->(substr $$buffer, 0, $size, '') or return 0;
    }
    return 1;
}

sub from_mta {
    my ($c, $bytes) = @_;
    $c->{asked} .= $bytes;
    return packets(\$c->{asked}, sub {
        my ($packet) = @_;
        if (substr($packet, 4, 1) eq 'E') {
            $c->{ends}    = 1;
            $c->{answers} = {};
        }
        return put($c->{filter}, $packet);
    });
}

sub from_filter {
    my ($c, $bytes) = @_;
    $c->{said} .= $bytes;
    return packets(\$c->{said}, sub { return answer($c, $_[0]) });
}

umask 0;
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 64) or die "$path: $!\n";
$select->add($listener);
while (1) {
    for my $socket ($select->can_read) {
        if ($socket == $listener) {
            my $mta = $listener->accept or next;
            my $filter = IO::Socket::UNIX->new(Peer => $target);
            if (!$filter) {
                close $mta;
                next;
            }
            my $c = { mta => $mta, filter => $filter, asked => '', said => '', ends => 0 };
            for my $end ($mta, $filter) {
                $connection{ fileno $end } = $c;
                $select->add($end);
            }
            next;
        }
        my $c = $connection{ fileno $socket } or next;
        my $count = sysread $socket, my $bytes, 65536;
        my $on = $count && ($socket == $c->{mta} ? from_mta($c, $bytes) : from_filter($c, $bytes));
        drop($c) unless $on;
    }
}
