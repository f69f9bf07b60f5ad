<?php
// PHP's own SOAP client makes each call that stands on its input and tells what came of it.
// php client.php WSDL API_KEY < [{"operation": …, "content": …, "key": …}]

require __DIR__ . '/binary.php';

[, $wsdl, $apiKey] = $argv;
$client = new SoapClient($wsdl, [
    'cache_wsdl' => WSDL_CACHE_NONE,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    'stream_context' => stream_context_create(['http' => ['header' => "X-Api-Key: $apiKey"]]),
]);
$namespace = simplexml_load_file($wsdl)['targetNamespace'];

function told(SoapClient $client, object $call, string $namespace): array
{
    $headers = isset($call->key) ? [new SoapHeader($namespace, 'IdempotencyKey', $call->key)] : [];
    try {
        return ['answer' => $client->__soapCall($call->operation, [with_binary($call->content, 'base64_decode')], [], $headers)];
    } catch (SoapFault $fault) {
        return ['fault' => ['kind' => $fault->faultcode, 'text' => $fault->getMessage(), 'detail' => $fault->detail]];
    }
}

$told = array_map(fn ($call) => told($client, $call, $namespace), json_decode(stream_get_contents(STDIN)));
echo json_encode($told, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
