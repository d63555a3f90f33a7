/** The stream tier as a process of its own, between a real broker and a real registry. */
package io.bianque.tests.streams;
