"""printf: Go 1.26's answers, taken once."""

import math

import pytest

from tests.template.go_cases import expand

NAN, INF = math.nan, math.inf

CASES = [
    ('{{ printf "%v" $value }}', 0.1234567, "0.1234567"),
    ('{{ printf "%v" $value }}', 1234567.0, "1.234567e+06"),
    ('{{ printf "%v" $value }}', NAN, "NaN"),
    ('{{ printf "%v" $value }}', INF, "+Inf"),
    (
        '{{ printf "%5.1f|%-8.2f|%08.3f|%+.0f|% .1f" $value $value $value $value $value }}',
        0.1234567,
        "  0.1|0.12    |0000.123|+0| 0.1",
    ),
    (
        '{{ printf "%5.1f|%-8.2f|%08.3f|%+.0f|% .1f" $value $value $value $value $value }}',
        1234567.0,
        "1234567.0|1234567.00|1234567.000|+1234567| 1234567.0",
    ),
    (
        '{{ printf "%5.1f|%-8.2f|%08.3f|%+.0f|% .1f" $value $value $value $value $value }}',
        NAN,
        "  NaN|NaN     |     NaN|+NaN| NaN",
    ),
    (
        '{{ printf "%5.1f|%-8.2f|%08.3f|%+.0f|% .1f" $value $value $value $value $value }}',
        INF,
        " +Inf|+Inf    |    +Inf|+Inf| Inf",
    ),
    (
        '{{ printf "%e %E %g %G %.3g %.10g" $value $value $value $value $value $value }}',
        0.1234567,
        "1.234567e-01 1.234567E-01 0.1234567 0.1234567 0.123 0.1234567",
    ),
    (
        '{{ printf "%e %E %g %G %.3g %.10g" $value $value $value $value $value $value }}',
        1234567.0,
        "1.234567e+06 1.234567E+06 1.234567e+06 1.234567E+06 1.23e+06 1234567",
    ),
    (
        '{{ printf "%e %E %g %G %.3g %.10g" $value $value $value $value $value $value }}',
        NAN,
        "NaN NaN NaN NaN NaN NaN",
    ),
    (
        '{{ printf "%e %E %g %G %.3g %.10g" $value $value $value $value $value $value }}',
        INF,
        "+Inf +Inf +Inf +Inf +Inf +Inf",
    ),
    (
        '{{ printf "%x %X %b" $value $value $value }}',
        0.1234567,
        "0x1.f9adbb8f8da72p-04 0X1.F9ADBB8F8DA72P-04 8895992769862258p-56",
    ),
    (
        '{{ printf "%x %X %b" $value $value $value }}',
        1234567.0,
        "0x1.2d687p+20 0X1.2D687P+20 5302424889720832p-32",
    ),
    ('{{ printf "%x %X %b" $value $value $value }}', NAN, "NaN NaN NaN"),
    ('{{ printf "%x %X %b" $value $value $value }}', INF, "+Inf +Inf +Inf"),
    (
        '{{ printf "%#g %#.3x %#v %#.0f" $value 1.0 $value 2.0 }}',
        0.1234567,
        "0.1234567 0x1.000p+00 0.1234567 2.",
    ),
    (
        '{{ printf "%#g %#.3x %#v %#.0f" $value 1.0 $value 2.0 }}',
        1234567.0,
        "1.234567e+06 0x1.000p+00 1.234567e+06 2.",
    ),
    ('{{ printf "%#g %#.3x %#v %#.0f" $value 1.0 $value 2.0 }}', NAN, "NaN 0x1.000p+00 NaN 2."),
    ('{{ printf "%#g %#.3x %#v %#.0f" $value 1.0 $value 2.0 }}', INF, "+Inf 0x1.000p+00 +Inf 2."),
    (
        '{{ printf "%d %5d %-5d| %05d %+d % d %.4d" 42 42 42 42 42 42 42 }}',
        0.1234567,
        "42    42 42   | 00042 +42  42 0042",
    ),
    (
        '{{ printf "%x %X %#x %b %#b %o %#o %O" 255 255 255 5 5 8 8 8 }}',
        0.1234567,
        "ff FF 0xff 101 0b101 10 010 0o10",
    ),
    ('{{ printf "%c %q %U %#U" 233 233 233 233 }}', 0.1234567, "é 'é' U+00E9 U+00E9 'é'"),
    ('{{ printf "%.0d|%5.0d|%05.0d" 0 0 0 }}', 0.1234567, "|     |     "),
    (
        '{{ printf "%s|%10s|%-10s|%.2s|%q|%x|% x|%#x|%X" $labels.u "ab" "ab" "héß" "a\\"\\n\\x01é" "hé" "hé" "hé" "hé" }}',
        0.1234567,
        'héß <b>"\'&|        ab|ab        |hé|"a\\"\\n\\x01é"|68c3a9|68 c3 a9|0x68c3a9|68C3A9',
    ),
    (
        '{{ printf "%+q %#q %# x" "é\\u200b" "a\\tb" "ab" }}',
        0.1234567,
        '"\\u00e9\\u200b" `a\tb` 0x61 0x62',
    ),
    ('{{ printf "%t %v %5t" true false true }}', 0.1234567, "true false  true"),
    (
        '{{ printf "%d %s %f %t" "x" 1 1 1 }}',
        0.1234567,
        "%!d(string=x) %!s(int=1) %!f(int=1) %!t(int=1)",
    ),
    (
        '{{ printf "%v %+v %#v %d" $labels $labels $labels (args 1) }}',
        0.1234567,
        'map[empty: instance:web1.example.com:9100 job:node u:héß <b>"\'& x:1.5] map[empty: instance:web1.example.com:9100 job:node u:héß <b>"\'& x:1.5] map[string]string{"empty":"", "instance":"web1.example.com:9100", "job":"node", "u":"héß <b>\\"\'&", "x":"1.5"} map[%!d(string=arg0):1]',
    ),
    ('{{ printf "%v %v" nil $labels.none }}', 0.1234567, "<nil> "),
    ('{{ printf "%d" nil }}', 0.1234567, "%!d(<nil>)"),
    (
        '{{ printf "%T %T %T %T %T" 1 2.5 "x" $labels nil }}',
        0.1234567,
        "int float64 string map[string]string <nil>",
    ),
    ('{{ printf "%[2]s %[1]s %[3]d %[1]s" "a" "b" }}', 0.1234567, "b a %!d(BADINDEX) a"),
    ('{{ printf "%[x]d %[1]" 1 }}', 0.1234567, "%!d(BADINDEX) %!(NOVERB)"),
    ('{{ printf "%*d|%-*d|%.*f" 5 1 5 1 2 3.14159 }}', 0.1234567, "    1|1    |3.14"),
    ('{{ printf "%*d" "x" 1 }}', 0.1234567, "%!(BADWIDTH)1"),
    ('{{ printf "%.*f" -1 2.5 }}', 0.1234567, "%!(BADPREC)2.500000"),
    ('{{ printf "%z %!" 1 }}', 0.1234567, "%!z(int=1) %!!(MISSING)"),
    ('{{ printf "%" 1 }}', 0.1234567, "%!(NOVERB)%!(EXTRA int=1)"),
    ('{{ printf "%5" 1 }}', 0.1234567, "%!(NOVERB)%!(EXTRA int=1)"),
    ('{{ printf "%." 1 }}', 0.1234567, "%!.(int=1)"),
    ('{{ printf "%d %d" 1 }}', 0.1234567, "1 %!d(MISSING)"),
    ('{{ printf "%d" 1 2.5 "x" nil }}', 0.1234567, "1%!(EXTRA float64=2.5, string=x, <nil>)"),
    ('{{ printf "100%%"  }}', 0.1234567, "100%"),
    ('{{ printf "%w" 1 }}', 0.1234567, "%!w(int=1)"),
    ('{{ printf "%6.2v|%-6v|%06v" $value true 1.5 }}', 0.1234567, "  0.12|true  |0001.5"),
    ('{{ printf "%6.2v|%-6v|%06v" $value true 1.5 }}', 1234567.0, "1.2e+06|true  |0001.5"),
    ('{{ printf "%6.2v|%-6v|%06v" $value true 1.5 }}', NAN, "   NaN|true  |0001.5"),
    ('{{ printf "%6.2v|%-6v|%06v" $value true 1.5 }}', INF, "  +Inf|true  |0001.5"),
    ('{{ printf "%v %s" 1+2i 2i }}', 0.1234567, "(1+2i) %!s(complex128=(0+2i))"),
    ('{{ printf "%.1f %8.1v" 1+2i 1+2i }}', 0.1234567, "(1.0+2.0i) (       1      +2i)"),
    (
        '{{ printf "%010d|%+010d|%-010d|" -42 42 42 }}',
        0.1234567,
        "-000000042|+000000042|42        |",
    ),
    ('{{ printf "%3c|%-3c|%03d|%3d" 65 65 -5 -5 }}', 0.1234567, "  A|A  |-05| -5"),
    ('{{ printf "%s %v" (toDuration 90) (toDuration 90) }}', 0.1234567, "1m30s 1m30s"),
    ('{{ printf "%q" (toDuration 90) }}', 0.1234567, '"1m30s"'),
    ('{{ printf "%s" (query "none") }}', 0.1234567, "[]"),
    ('{{ printf "%08b %08x" 5 -255 }}', 0.1234567, "00000101 -00000ff"),
    ('{{ printf "%+v" (args 1 "x") }}', 0.1234567, "map[arg0:1 arg1:x]"),
    ('{{ printf "%#v %#v %#v" "a" 1.0 true }}', 0.1234567, '"a" 1 true'),
    ('{{ printf "%.3v %.3q" "abcdef" "abcdef" }}', 0.1234567, 'abc "abc"'),
    ('{{ printf "%F %5t" 1.5 1 }}', 0.1234567, "1.500000 %!t(int=    1)"),
]


@pytest.mark.parametrize(("text", "value", "expected"), CASES)
def test_prints_as_go_does(text: str, value: float, expected: str) -> None:
    assert expand(text, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, "0.1"),
        (12.0, "12"),
        (-0.0, "-0"),
        (1e21, "1e+21"),
        (1e20, "1e+20"),
        (5e-324, "5e-324"),
        (123456.0, "123456"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (1353755652.0, "1.353755652e+09"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1 / 3, "0.3333333333333333"),
        (INF, "+Inf"),
        (-INF, "-Inf"),
        (NAN, "NaN"),
        (0.7, "0.7"),
        (100.0, "100"),
        (2.5e-310, "2.5e-310"),
    ],
)
def test_a_value_prints_as_go_does(value: float, expected: str) -> None:
    assert expand("{{ $value }}", value) == expected
    assert expand("{{ print $value }}", value) == expected
    assert expand('{{ printf "%v" $value }}', value) == expected
