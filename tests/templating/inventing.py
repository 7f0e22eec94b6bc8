"""Made-up templates: any piece beside any other, most of them nonsense that both must refuse."""

from random import Random

VALUES = (
    '{{ "a b+c&d<e>\'f\\"g`h$i{j}k\\\\l/m\\n=x:y;z%20?" }}', '{{ "javascript:alert(1)" }}',
    "{{ .Status }}", '{{ "" }}', '{{ safeHtml "<b a=\'x>y\'>t</b>&amp;<script>z</script>" }}',
    '{{ safeUrl "java:x?a=b&c,d e" }}', "{{ 42 }}", "{{ 1.5 }}", "{{ true }}",
    "{{ .CommonLabels }}", '{{ "http://x/?q=ä&b=%zz" }}', '{{ "onclick" }}',
    '{{ "expres\\\\73ion(1)" }}', '{{ "#fff" }}', '{{ "10px" }}',
    '{{ "a\\x00\\t\\u2028\\xff" }}', "{{ toJson .Alerts }}", "{{ .Alerts }}",
    '{{ "a+b" | html }}', '{{ "x y" | urlquery }}', '{{ html "a" 2 }}', '{{ "</script>" }}',
    '{{ "<!--" }}', '{{ $x := "v" }}', '{{ list 1 "a" }}', '{{ dict "a" "b" }}', '{{ "title" }}',
    '{{ "a, b 2x, javascript:1, c d&" }}',
)  # fmt: skip
TEXTS = (
    '<a href="', "<a href=", "<a href='", '"', "'", ">", " ", "</a>", '<p title="', "<p title=",
    "<p ", "<b>", "</b>", "<script>", "</script>", "<style>", "</style>", "<title>", "</title>",
    "<textarea>", "</textarea>", "<!-- ", " -->", "<!DOCTYPE html>", "<", "&lt;",
    '<img srcset="', '<meta content="', '<meta content="0; url=', '<p onclick="', '<p style="',
    "<p style=", "url(", 'url("', "url('", ")", "/", "//", "/*", "*/", "\n", "x", "=", "= ", "?",
    "#", "http://h/p", "?a=", "&", "`", "${", "{", "}", "(", "[", "]", "return ", "x + ", "\\",
    '"x"', "'y'", "color: ", ";", "<!-", '<script type="text/template">', '<script type="',
    "<script type=text/javascript>", 'data-href="', 'xlink:href="', "on", "<p on", "</", "<1",
    "<a:b ", "javascript:", "&quot;", "<br/>", '<div class=c id="i">', "text", "1", ".", "++",
    "-", "é", "<svg:a ",
)  # fmt: skip
CONTROLS = (
    "{{ if .Status }}", "{{ if .Receiver }}", "{{ range .Alerts }}", "{{ else }}", "{{ end }}",
    "{{ with .Status }}", "{{ break }}", '{{ template "t" . }}',
    '{{ template "slack.default.title" . }}', "{{- /* c */ -}}",
)  # fmt: skip
AROUND = (
    "%s", "%s", "%s", "<script>%s</script>", "<style>%s</style>", '<a href="%s">',
    '<p onclick="%s">', '<p style="%s">', '<script>x = "%s";</script>', "<script>`%s`</script>",
    "<style>a{b:url(%s)}</style>", "<p title='%s'>", "<title>%s</title>",
    '{{ define "t" }}%s{{ end }}<p>{{ template "t" . }}<i>{{ range .Alerts }}{{ template "t" . }}{{ end }}',
    "<a href=%s >x</a>",
)  # fmt: skip
ENDS = (
    "", "", '">', ">", "'>", "</script>", '"></a>', "</style>", ')">', ";</script>",
)  # fmt: skip
ARGUMENTS = (
    ".", ".Status", ".Alerts", ".Alerts.Firing", ".Alerts.Resolved", ".CommonLabels",
    ".GroupLabels", ".CommonAnnotations", ".CommonLabels.SortedPairs", ".CommonLabels.Names",
    ".CommonLabels.Values", ".GroupLabels.alertname", ".CommonLabels.nope", ".RouteLabels",
    ".RouteLabels.team", "(index .Alerts 0)", "(index .Alerts 1)", "(index .Alerts 0).StartsAt",
    "(index .Alerts 1).StartsAt", "(index .Alerts 0).Labels", "(index .Alerts 0).EndsAt",
    ".Receiver", ".ExternalURL", ".NotificationReason", '"a b+c"', '"é"', '"<b>&\'"', '"aGk="',
    '"x,y"', "1", "2", "-1", "1.5", "1e9", "true", "nil", '"2006-01-02"', '"2024-05-06"',
    '"15:04 MST"', '"Europe/Paris"', '"America/New_York"', '(list 1 "a")',
    '(stringSlice "a" "b")', '(dict "k" 1)', '(dict "k" (list .Status))', '(safeHtml "<i>")',
    '(safeUrl "u?a=b")', "((index .Alerts 0).EndsAt.Sub (index .Alerts 1).EndsAt)",
    '(toDate "2006-01-02 15:04" "2024-05-06 07:08")', '"(a|é)"', '"$1-$0"', '"team"', '"tpl"',
    '"zz"', "3600", "90061", '"0.5"', "(len .Alerts)",
)  # fmt: skip
FUNCTIONS = (
    "append", "base64decode", "base64encode", "date", "dict", "humanizeDuration", "join", "list",
    "match", "reReplaceAll", "routeLabels", "safeHtml", "safeUrl", "stringSlice", "title",
    "toDate", "toJson", "toLower", "toUpper", "trimSpace", "tz", "urlUnescape", "len", "index",
    "slice", 'printf "%v"', 'printf "%q"', 'printf "%T"', 'printf "%+v"', 'printf "%#v"', 'printf "%5s|"',
    'printf "%x"', "print", "println", "html", "js", "urlquery", "eq", "ne", "lt", "gt", "le",
    "and", "or", "not", 'mustToDate "2006-01-02"',
)  # fmt: skip
TURNS = (
    "{{ . }}", "{{ .Name }}={{ .Value }}", "{{ .Labels.instance }}",
    "{{ .Fingerprint }}{{ .StartsAt }}",
)  # fmt: skip
MOVES = (
    "{{ . }}", '{{ .Format "Jan 2 15:04:05.000 -07:00" }}', "{{ .Names }}",
    '{{ .Remove (stringSlice "job" "zone") }}', "{{ .Year }} {{ .Weekday }} {{ .Unix }}",
)  # fmt: skip


def html(random: Random) -> str:
    """Make an HTML template: values in texts, attributes, scripts, styles and URLs."""
    return random.choice(AROUND).replace("%s", _pieces(random)) + random.choice(ENDS)


def _pieces(random: Random) -> str:
    parts: list[str] = []
    opened: list[str] = []  # if, with, range; a later "else" is put behind it
    for _ in range(random.randint(1, 14)):
        kind = random.random()
        if kind < 0.52:
            parts.append(random.choice(TEXTS))
        elif kind < 0.82:
            parts.append(random.choice(VALUES))
        elif _fits(control := random.choice(CONTROLS), opened):
            parts.append(control)
    return "".join(parts) + "{{ end }}" * len(opened)


def _fits(control: str, opened: list[str]) -> bool:
    """Say whether a control may stand here, and note what it opens or closes."""
    word = control.removeprefix("{{ ").split(" ")[0]
    if word in ("if", "with", "range"):
        opened.append(word)
    elif word == "end":
        return bool(opened) and bool(opened.pop())
    elif word == "else":
        if not opened or opened[-1].endswith("else"):
            return False
        opened[-1] += "else"
    elif word == "break":
        return "range" in opened
    return True


def text(random: Random) -> str:
    """Make a text template: functions with arguments that often do not fit."""
    kind = random.random()
    if kind < 0.7:
        return _pipe(random)
    if kind < 0.8:
        body = f"{random.choice(TURNS)},{{{{ else }}}}none{{{{ end }}}}"
        return f"{{{{ range {random.choice(ARGUMENTS)} }}}}{body}"
    if kind < 0.9:
        body = f"{random.choice(MOVES)}{{{{ else }}}}no{{{{ end }}}}"
        return f"{{{{ with {random.choice(ARGUMENTS)} }}}}{body}"
    first, last = random.choice(ARGUMENTS), random.choice(ARGUMENTS)
    choice = f"{{{{ if {last} }}}}t{{{{ else }}}}f{{{{ end }}}}"
    return f"{{{{ $x := {first} }}}}{_pipe(random)}{{{{ $x }}}}{choice}"


def _call(random: Random) -> str:
    count = random.choice((0, 1, 1, 1, 2, 2, 3))
    return " ".join([random.choice(FUNCTIONS), *(random.choice(ARGUMENTS) for _ in range(count))])


def _pipe(random: Random) -> str:
    stages = [random.choice((_call(random), _call(random), random.choice(ARGUMENTS)))]
    more = range(random.choice((0, 0, 1, 1, 2)))
    stages += [random.choice((_call(random), random.choice(FUNCTIONS))) for _ in more]
    return "{{ " + " | ".join(stages) + " }}"
