<?php
// A back end that believes assertions: their signature is verified with SimpleSAMLphp's own library.
//   GET  /…/who  Authorization: SAML … or Bearer …   -> the name
//   POST /soap   an envelope with wsse:Security      -> the name
//   POST /token  grant_type saml2-bearer (RFC 7522)  -> a token for 60 s
// Everything that is not believed is a 401, at /token invalid_grant.
require_once '/usr/share/simplesamlphp/lib/_autoload.php';

use RobRichards\XMLSecLibs\XMLSecurityKey;
use SAML2\DOMDocumentFactory;

$dir = getenv('SAML_DIR');

function believed(DOMElement $element): string
{
    global $dir;
    $key = new XMLSecurityKey(XMLSecurityKey::RSA_SHA256, ['type' => 'public']);
    $key->loadKey("$dir/cert/idp.crt", true, true);
    $assertion = new SAML2\Assertion($element);
    if (!$assertion->validate($key)) {
        throw new Exception('no signature');
    }
    $ours = [getenv('SAML_BACK_END') . '/sp', getenv('SAML_BACK_END') . '/short'];
    if (!array_intersect($assertion->getValidAudiences() ?? [], $ours)) {
        throw new Exception('for somebody else');
    }
    if ($assertion->getNotOnOrAfter() <= time()) {
        throw new Exception('over');
    }
    return $assertion->getNameId()->getValue();
}

function by_token(string $token): string
{
    global $dir;
    $file = "$dir/tokens/" . hash('sha256', $token);
    $kept = is_file($file) ? json_decode(file_get_contents($file), true) : null;
    if (!$kept || $kept['until'] <= time()) {
        throw new Exception('no such token');
    }
    return $kept['name'];
}

function answer(int $status, string $type, string $body): void
{
    http_response_code($status);
    header("Content-Type: $type");
    echo $body;
}

$path = '/' . basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
try {
    if ($path === '/who') {
        [$scheme, $value] = explode(' ', $_SERVER['HTTP_AUTHORIZATION'] ?? ' ', 2);
        $name = match ($scheme) {
            'SAML' => believed(DOMDocumentFactory::fromString(gzinflate(base64_decode($value, true)))->documentElement),
            'Bearer' => by_token($value),
            default => throw new Exception('nobody'),
        };
        answer(200, 'text/plain', $name);
    } elseif ($path === '/soap') {
        $text = file_get_contents('php://input');
        $document = DOMDocumentFactory::fromString($text);
        $paths = new DOMXPath($document);
        $security = '*[local-name()="Security" and contains(namespace-uri(), "wss-wssecurity-secext-1.0")]';
        $found = $paths->query("/*/*[local-name()='Header']/$security/*[local-name()='Assertion']");
        if ($found->length !== 1) {
            throw new Exception('not one assertion');
        }
        answer(200, 'text/xml', '<who>' . believed($found->item(0)) . '</who>');
    } elseif ($path === '/token') {
        $padded = strtr($_POST['assertion'] ?? '', '-_', '+/');
        if (($_POST['grant_type'] ?? '') !== 'urn:ietf:params:oauth:grant-type:saml2-bearer') {
            answer(400, 'application/json', '{"error":"unsupported_grant_type"}');
            return;
        }
        $name = believed(DOMDocumentFactory::fromString(base64_decode($padded))->documentElement);
        $token = bin2hex(random_bytes(32));
        file_put_contents("$dir/tokens/" . hash('sha256', $token), json_encode(['name' => $name, 'until' => time() + 60]));
        answer(200, 'application/json', json_encode(['access_token' => $token, 'token_type' => 'Bearer', 'expires_in' => 60]));
    } else {
        answer(404, 'text/plain', '');
    }
} catch (Throwable $reason) {
    error_log($reason->getMessage());
    $path === '/token' ? answer(400, 'application/json', '{"error":"invalid_grant"}') : answer(401, 'text/plain', '');
}
