<?php
// The site of tests/servers/php, which says what it does. Its own text is UTF-8.
const USERS = [
    'ada' => 'correct horse battery staple', 'bob@example.com' => 'staple battery horse correct', 'zoë' => 'päss wörd & more+=%',
];

function page(string $body, string $charset = 'UTF-8'): void
{
    header("Content-Type: text/html; charset=$charset");
    $text = "<!DOCTYPE html><html><head><title>Größen</title></head><body>$body</body></html>\n";
    echo $charset === 'UTF-8' ? $text : in_charset($charset, $text);
}

function in_charset(string $charset, string $text): string
{
    return iconv('UTF-8', $charset, $text);
}

function goes_to(string $path): void
{
    header("Location: $path", true, 302);
}

function json(array $values): void
{
    header('Content-Type: application/json');
    echo json_encode((object) $values);
}

/** A hidden value that has to come back once. */
function token(): string
{
    return $_SESSION['token'] = bin2hex(random_bytes(16));
}

function comes_back(): bool
{
    $given = $_POST['token'] ?? '';
    $expected = $_SESSION['token'] ?? null;
    unset($_SESSION['token']);
    return is_string($given) && $expected !== null && hash_equals($expected, $given);
}

function enter(string $name): void
{
    session_regenerate_id(true);
    $_SESSION = ['user' => $name, 'used' => time()];
}

/** The user of each session file. */
function owners(): array
{
    $owners = [];
    foreach (glob(session_save_path() . '/sess_*') as $file) {
        $found = preg_match('/user\|s:\d+:"([^"]*)"/', (string) @file_get_contents($file), $user);
        $owners[$file] = $found ? $user[1] : 'nobody';
    }
    return $owners;
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$isPost = $_SERVER['REQUEST_METHOD'] === 'POST';
if (str_starts_with($path, '/packed/')) {
    $path = substr($path, strlen('/packed'));
    ini_set('zlib.output_compression', 'Off');
    ob_start(function (string $text): string {
        header('Content-Encoding: gzip');
        return gzencode($text);
    });
}
if (str_starts_with($path, '/test/')) {
    if ($path === '/test/sessions') {
        json(array_count_values(owners()));
    } else {
        $ended = array_keys(owners(), $_GET['user'] ?? '', true);
        array_map('unlink', $ended);
        json(['ended' => count($ended)]);
    }
    return;
}

session_start(['cookie_httponly' => true]);
if (isset($_SESSION['used']) && $_SESSION['used'] < time() - (int) getenv('SITE_SECONDS')) {
    session_unset();
}
switch ($path) {
    case '/login':
        if ($isPost && comes_back()) {
            $_SESSION['name'] = (string) ($_POST['name'] ?? '');
            goes_to('/password');
        } else {
            $token = token();
            page("<form method=post action=login><input name=\"name\"><input type=hidden name=\"token\" value=\"$token\">"
                . '<button>Weiter</button></form>');
        }
        break;
    case '/password':
        $name = $_SESSION['name'] ?? null;
        if ($name === null) {
            goes_to('/login');
        } elseif ($isPost && comes_back()) {
            if (hash_equals(USERS[$name] ?? random_bytes(8), (string) ($_POST['password'] ?? ''))) {
                enter($name);
                goes_to('/orders');
            } else {
                goes_to('/password?wrong=1');
            }
        } else {
            $token = token();
            $wrong = isset($_GET['wrong']) ? '<p class="wrong">Das stimmt nicht.</p>' : '';
            page("$wrong<form method=post><input type=password name=\"password\"><input type=hidden name=\"token\" value=\"$token\">"
                . '<button>Anmelden</button></form>');
        }
        break;
    case '/latin/login':
        $wrong = '';
        if ($isPost) {
            $given = fn (string $field): string => (string) iconv('ISO-8859-1', 'UTF-8', (string) ($_POST[$field] ?? ''));
            $name = $given('name');
            if ($given('where') === 'Köln' && hash_equals(USERS[$name] ?? random_bytes(8), $given('password'))) {
                enter($name);
                goes_to('/orders');
                break;
            }
            $wrong = '<p class="wrong">Das stimmt nicht, schöne Grüße.</p>';
        }
        page("$wrong<form method=post><input name=\"name\"><input type=password name=\"password\">"
            . '<input type=hidden name="where" value="Köln"><button>Anmelden</button></form>', 'ISO-8859-1');
        break;
    case '/orders':
        if (isset($_SESSION['user'])) {
            $_SESSION['used'] = time();
            json(['user' => $_SESSION['user'], 'method' => $_SERVER['REQUEST_METHOD']]);
        } else {
            goes_to('/login');
        }
        break;
    case '/logout':
        if ($isPost) {
            session_destroy();
        }
        goes_to('/login');
        break;
    default:
        http_response_code(404);
}
