/**
 * What must be in the servers before data flows: topics from the catalogue, schemas in the
 * registry, index templates, connectors. Every step may be repeated at any time and then changes
 * nothing.
 */
package io.bianque.standalone.prepare;
