/*
 * return_code.h - assert_return_code that tells the errno of the call it is about; to be included
 * after cmocka.h, whose own may take errno before the call is made.
 */
#ifndef IPCFS_TEST_RETURN_CODE_H
#define IPCFS_TEST_RETURN_CODE_H

#undef assert_return_code
#define assert_return_code(rc, error)                                                          \
	do {                                                                                   \
		LargestIntegralType result_ = cast_to_largest_integral_type(rc);               \
                                                                                               \
		_assert_return_code(result_, sizeof(rc), cast_to_largest_integral_type(error), \
				    #rc, __FILE__, __LINE__);                                  \
	} while (0)

#endif
