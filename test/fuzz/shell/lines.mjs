/** Generates command lines that mostly look, and hide in their corners what must not happen: nothing but the canary of the world, and files in it. */

const FILES = [
  'a.ts',
  'b.ts',
  'src/c.ts',
  'README.md',
  '../outside',
  '.env',
  'link',
  'made',
  '*.ts',
  'src/*.ts',
  '[ab].ts',
  '-',
  '~/a.ts',
  '"$x"',
  '$x',
  '{a.ts,../outside}',
];
const WORDS = [
  ...FILES,
  'x',
  "'a b'",
  '"a b"',
  'a\\ b',
  '""',
  '$?',
  '"$?"',
  '-o',
  '-v',
  '-n',
  '-e',
  '-f',
  '--',
  '=',
  '!=',
  '-eq',
  '5',
  '!',
  '\\!',
  "'v[$(canary)]'",
  '"$(canary)"',
  '$(canary)',
  '`canary`',
  '${x:-y}',
  '${x:-$(canary)}',
  '$((1+2))',
  '$((v[$(canary)]))',
  '%n',
  '%s',
  "'%s %n'",
  'PATH',
  "$'x'",
  '#',
  'x#y',
  '&',
  ';',
  '{}',
  '{',
  '}',
  '[',
  ']',
  ']]',
  '(',
  ')',
  '|',
  '<',
  '>',
  '> made',
  '>made',
  '2> made',
  '< ../outside',
  '<.env',
  '< a.ts',
  '2>&1',
  '> /dev/null',
  '|| canary',
  '&& canary',
  '; canary',
  '| canary',
  '\ncanary',
  '\\\n',
];
const SED_PARTS = [
  's',
  '/',
  '|',
  ';',
  '[',
  ']',
  '[^',
  '\\',
  'a',
  '.*',
  'e canary',
  'w made',
  'p',
  'd',
  'q',
  '1',
  '$',
  ',',
  '!',
  'g',
  'I',
  '#',
  '\n',
  '{',
  '}',
  'y',
  'r ../outside',
  ' ',
  '[:alpha:]',
  'e',
  'w',
];
const SED_WHOLE = ["'1,2p'", "'s/a/b/'", "'/a/p'", "'s|[a-z]|x|g'", "'$!d'", "'/[/]/p'", "'s/[]/]/x/w made'", "'s/a/canary/e'"];
const AWK = [
  "'{print $1}'",
  "'NR==1'",
  "'/a/'",
  '\'BEGIN{system("canary")}\'',
  '\'{print > "made"}\'',
  '\'{print | "canary"}\'',
  '\'{getline x < "../outside"; print x}\'',
  '\'BEGIN{ARGV[1]="../outside"}{print}\'',
  "'{print FILENAME}'",
];
const OPTIONS = [
  '-a',
  '-l',
  '-n',
  '-o made',
  '-oMade',
  '-Po made',
  '-Lo 1',
  '-L 1',
  '-aPo made',
  '-k1',
  '-k1o made',
  '-u',
  '-uo made',
  '-r',
  '-d',
  '-c',
  '-I x',
  '-I $x',
  '-u $x',
  '-i',
  '-e',
  '-f ../outside',
  '--output=made',
  '--out made',
  '-T .',
  '-s',
  '-w',
  '-z',
  '-exec canary',
  '-delete',
  '-fprint made',
  '-name x',
  '-type f',
  "-printf '%p'",
  '-n 1',
  '-n $x',
  '-o $x',
  '-x',
];
const PROGRAMS = [
  'cat',
  'head',
  'tail',
  'ls',
  'sort',
  'uniq',
  'tree',
  'find',
  'grep',
  'wc',
  'cut',
  'tr',
  'od',
  'xxd',
  'nl',
  'stat',
  'diff',
  'cmp',
  'rev',
  'tac',
  'du',
  'file',
  'strings',
  'join',
  'paste',
  'fold',
  'jq',
  'basename',
  'realpath',
  'tool',
  'canary',
  'tee',
];
const WRAPPERS = [
  'env',
  'env -i',
  'env -u x',
  'env -u $x',
  'env A=1',
  'nice',
  'nice -n 1',
  'nice -n $x',
  'timeout 5',
  'timeout $x',
  'timeout -k 1 5',
  'timeout -k $x 5',
  'nohup',
  'setsid',
  'stdbuf -oL',
  'stdbuf -o $x',
  'exec',
  'exec -a $x',
  'command',
  'time',
  'busybox',
  'xargs',
  'xargs -I $x',
  'xargs -I{}',
  'builtin',
  '!',
  'x=1',
  'PATH=.',
];
const SETS = [
  'x=',
  "x='-v'",
  "x='a b'",
  'x=$(canary)',
  'read -r x',
  'read -r PATH',
  "printf 'a%n' PATH",
  'cd src',
  'cd ..',
  'cd $x',
  'cd link',
  'wait -p PATH',
];
const SIGNS = ['; ', ' && ', ' || ', ' | ', '\n', ';', '||', '|'];
const SPECIAL = [...'\'"\\$`;&|<>(){}[]!#~*? \n\t=-%'];

/** One line; everything in it is drawn from `random`. */
export function shellLine(random) {
  const pick = (list) => list[random.int(0, list.length - 1)];
  const maybe = (percent) => random.int(1, 100) <= percent;
  const many = (most, make) => Array.from({ length: random.int(0, most) }, make).join(' ');
  const word = () => pick(WORDS);
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const sed = () => (maybe(50) ? pick(SED_WHOLE) : quote(Array.from({ length: random.int(3, 14) }, () => pick(SED_PARTS)).join('')));
  const simple = () => {
    switch (random.int(1, 10)) {
      case 1:
        return `[ ${many(4, word)} ]`;
      case 2:
        return `${pick(['[[', 'test', '['])} ${many(4, word)} ${pick([']', ']]', ''])}`;
      case 3:
        return `${pick(['echo', 'printf'])} ${many(3, word)}`;
      case 4:
        return `sed ${pick(['-n', '-n', '', '-E', '-s', '-ne'])} ${sed()} ${pick(FILES)}`;
      case 5:
        return `awk ${pick(['', '-F:', '-F $x', '-v $x', '-i $x'])} ${pick(AWK)} ${pick(FILES)}`;
      case 6:
        return pick(SETS);
      default:
        return `${pick(PROGRAMS)} ${many(2, () => pick(OPTIONS))} ${many(2, word)}`;
    }
  };
  const command = (depth) => {
    const inner = () => (depth > 2 ? simple() : list(depth + 1));
    switch (random.int(1, 16)) {
      case 1:
        return `${pick(WRAPPERS)} ${simple()}`;
      case 2:
        return `${pick(['sh -c', 'bash -c', 'sh -o $x -c', 'sh -ec', 'env sh -c'])} ${quote(inner())} ${many(2, word)}`;
      case 3:
        return `${pick(['if', 'while'])} ${simple()}; ${maybe(50) ? 'then' : 'do'} ${inner()}; ${pick(['fi', 'done'])}`;
      case 4:
        return `for i in ${many(3, word)}; do ${inner()}; done${pick(['', ' < a.ts', ' < ../outside', ' > made'])}`;
      case 5:
        return `while read -r x; do ${inner()}; done < ${pick(FILES)}`;
      case 6:
        return `${pick(['( ', '{ '])}${inner()}${pick([')', '; }', '\n}'])}${pick(['', '', ' < .env', ' 2>&1'])}`;
      case 7:
        return `case ${word()} in ${pick(['*', 'x', word()])}) ${inner()};; esac`;
      case 8:
        return `cat <<${pick(['E', "'E'", '"E"', '-E'])}\n${word()}\nE\n`;
      default:
        return simple();
    }
  };
  const list = (depth) => Array.from({ length: random.int(1, depth === 0 ? 3 : 2) }, () => command(depth)).join(pick(SIGNS));
  let line = list(0);
  while (maybe(20)) {
    const at = random.int(0, line.length);
    line = line.slice(0, at) + (maybe(70) ? pick(SPECIAL) : '') + line.slice(at + (maybe(50) ? 1 : 0));
  }
  return line;
}
