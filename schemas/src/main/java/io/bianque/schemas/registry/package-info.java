/**
 * The schema registry, by the REST API that Confluent's, Apicurio's ({@code /apis/ccompat/v7}),
 * Karapace and Redpanda all speak.
 */
package io.bianque.schemas.registry;
