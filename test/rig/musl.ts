// What the binary for musl finds on Alpine, had from elsewhere: the C library from Debian's package, which
// must be installed, and the C++ library from a wheel of PyPI that carries GCC 10's. Two functions came
// later, which only end the program: they are stood in for, by a library that names the wheel's.
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { whyNoContainer } from './container.ts'

const LOADER = '/lib/ld-musl-x86_64.so.1'
/** A small wheel for musl that is linked to the C++ library, with the checksum that it was published with. */
const WHEEL = 'greenlet==3.0.3'
const WHEEL_SHA256 = '894393ce10ceac937e56ec00bb71c4c2f8209ad516e96033e4b3b1de270e200d'
/** musl 1.2.3 reads no packed relocations, which the libraries of newer wheels have. */
const PLATFORM = 'musllinux_1_1_x86_64'
const STEP_LIMIT_MS = 60_000

/** What ends a program in newer versions of the library: a size that cannot be, a broken assertion. */
const standIns = ['_ZSt28__throw_bad_array_new_lengthv', '_ZSt21__glibcxx_assert_failPKciS0_S0_']

/** Why the binary for musl cannot be tried here, or null when it can. */
export function whyNoMusl(): string | null {
  if (process.arch !== 'x64') return 'it needs x64'
  const missing = ['python3', 'gcc', 'unzip'].find((program) => Bun.which(program) === null)
  if (missing) return `there is no ${missing}`
  if (!existsSync(LOADER)) return `there is no ${LOADER}: apt-get install musl`
  return whyNoContainer()
}

function run(words: readonly string[], stdin = ''): void {
  const ran = Bun.spawnSync([...words], { timeout: STEP_LIMIT_MS, stdin: Buffer.from(stdin) })
  if (!ran.success) throw new Error(`${words.join(' ')}: ${ran.stdout}${ran.stderr}`)
}

/** Fetches the libraries into `folder`. Throws what went wrong. */
export function fetchMuslLibraries(folder: string): void {
  const only = ['--no-deps', '--only-binary=:all:', '--platform', PLATFORM, '--python-version', '3.11']
  const wanted = join(folder, 'wheel.txt')
  writeFileSync(wanted, `${WHEEL} --hash=sha256:${WHEEL_SHA256}\n`)
  const from = ['--disable-pip-version-check', '--dest', folder, '--requirement', wanted]
  run(['python3', '-m', 'pip', 'download', '--quiet', ...only, ...from])
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? ''
  run(['unzip', '-qjo', join(folder, wheel), '*.libs/*', '-d', folder])
  const real = readdirSync(folder).find((name) => name.startsWith('libstdc++-')) ?? ''
  const code = standIns.map((name) => `void ${name}(void) { __builtin_trap(); }`).join('\n')
  const linked = ['-Wl,--no-as-needed', '-Wl,-soname,libstdc++.so.6', `-L${folder}`, `-l:${real}`]
  run(['gcc', '-shared', '-nostdlib', '-x', 'c', '-o', join(folder, 'libstdc++.so.6'), '-', ...linked], code)
}

/** Puts them into a root where the loader looks, but for those whose names begin with `without`. */
export function giveMuslLibraries(folder: string, root: string, without: string | null): void {
  const lib = join(root, 'lib')
  mkdirSync(lib)
  cpSync(LOADER, join(root, LOADER), { dereference: true })
  symlinkSync(LOADER, join(lib, 'libc.musl-x86_64.so.1'))
  for (const name of readdirSync(folder).filter((one) => /\.so(\.|$)/.test(one)))
    if (without === null || !name.startsWith(without)) cpSync(join(folder, name), join(lib, name))
}
