<?php
// A gateway by PHP's own SOAP server, as the router of `php -S`: it answers as the file says, and notes what it understood.
// WSDL, ANSWERS ({"operation": {"answer": …} or {"fault": …}}) and SEEN come from the environment.

require __DIR__ . '/binary.php';

class Gateway
{
    public function __call(string $operation, array $arguments): mixed
    {
        $content = with_binary($arguments[0] ?? new stdClass(), 'base64_encode');
        $seen = ['operation' => $operation, 'content' => $content, 'action' => $_SERVER['HTTP_SOAPACTION']];
        file_put_contents(getenv('SEEN'), json_encode($seen, JSON_THROW_ON_ERROR) . "\n", FILE_APPEND);
        $told = json_decode(file_get_contents(getenv('ANSWERS')))->$operation;
        if (isset($told->fault)) {
            throw new SoapFault($told->fault->kind, $told->fault->text, null, $told->fault->detail);
        }
        return with_binary($told->answer, 'base64_decode');
    }
}

$server = new SoapServer(getenv('WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS]);
$server->setObject(new Gateway());
$server->handle();
