/**
 * Schemas and the wire format against the real registry, and against implementations that are not
 * ours.
 */
package io.bianque.tests.schemas;
