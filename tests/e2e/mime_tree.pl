#!/usr/bin/perl
# What a message says after decoding: a listing to compare before and after signing, made by
# MIME::Parser (Debian's libmime-tools-perl) and so independently of smimed.
#
#   mime_tree.pl FILE
#
# One line for each content field, preamble, epilogue and decoded body of every part in the tree.
# Content-Transfer-Encoding is left out, because 7-bit cleaning changes it, and so are the fields of
# the outermost header that belong to the message and not to its content, and the mark that they are
# protected (RFC 9788). Line ends of text count as LF, because the transport makes them CRLF.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use MIME::Parser;

my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
$parser->decode_headers(0);
$parser->extract_nested_messages('NEST');
$parser->extract_uuencode(0);

sub digest {
    my ($bytes) = @_;
    return sprintf '%d %s', length $bytes, substr sha256_hex($bytes), 0, 16;
}

sub text_digest {
    my ($bytes) = @_;
    $bytes =~ s/\r\n/\n/g;
    return digest($bytes);
}

sub fields {
    my ($entity, $path, $outermost) = @_;
    my $header = $entity->head->original_text // $entity->head->as_string;
    $header =~ s/\r//g;
    $header =~ s/\n[ \t]+/ /g;
    for my $field (split /\n/, $header) {
        my ($name, $value) = $field =~ /^([^:\s]+)[ \t]*:[ \t]*(.*?)[ \t]*$/ or next;
        next if lc $name eq 'content-transfer-encoding';
        next if $outermost && $name !~ /^content-/i;
        $value =~ s/; hp="(?:clear|cipher)"$// if $outermost;
        print "$path field \L$name\E: $value\n";
    }
    return;
}

sub tree {
    my ($entity, $path, $outermost) = @_;
    my $type = lc $entity->effective_type;
    print "$path type $type\n";
    fields($entity, $path, $outermost);
    if ($type =~ m{^multipart/}) {
        print "$path preamble ", text_digest(join '', @{ $entity->preamble // [] }), "\n";
        print "$path epilogue ", text_digest(join '', @{ $entity->epilogue // [] }), "\n";
    }
    if (my $body = $entity->bodyhandle) {
        my $bytes = $body->as_string;
        my $is_text = $type =~ m{^(text|message|multipart)/};
        print "$path body ", $is_text ? text_digest($bytes) : digest($bytes), "\n";
    }
    my $number = 0;
    for my $part ($entity->parts) {
        $number++;
        tree($part, "$path.$number", 0);
    }
    return;
}

my ($path) = @ARGV;
die "usage: mime_tree.pl FILE\n" unless defined $path;
my $entity = eval { $parser->parse_open($path) } or die "$path cannot be parsed: $@\n";
tree($entity, '1', 1);
