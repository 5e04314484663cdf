/* The rows with mulx, adcx and adox. */
#define BN254_BUILD_ADX
#define QAP_ROWS qap_rows_adx
#include "qap_rows_body.h"
