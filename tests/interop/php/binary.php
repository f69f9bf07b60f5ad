<?php
// PHP's SOAP encodes and decodes xs:base64Binary by itself; in our JSON it is text.

function with_binary(mixed $value, callable $convert): mixed
{
    if (is_array($value)) {
        return array_map(fn ($one) => with_binary($one, $convert), $value);
    }
    if (is_object($value)) {
        foreach (get_object_vars($value) as $name => $one) {
            $is_binary = is_string($one) && strtolower($name) === 'content';
            $value->$name = $is_binary ? $convert($one) : with_binary($one, $convert);
        }
    }
    return $value;
}
